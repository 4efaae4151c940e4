from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import AuditEvent, Member, Team
from crm.teams import NameRefused, create_team, delete_team, join_team, leave_team, rename_team
from crm.workspaces import deactivate
from tests.conftest import SignIn

pytestmark = pytest.mark.django_db

PAGE = "/halyard/settings/workspace/teams/"


def inside(team: Team) -> set[str]:
    return set(team.members.values_list("user__name", flat=True))


def actions() -> list[tuple[str, dict[str, int]]]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", "details"))


@pytest.fixture
def team(cleo: Member) -> Team:
    return create_team("Success", by=cleo)


@pytest.fixture
def foreign(dan: Member) -> Team:
    return Team.objects.create(workspace=dan.workspace, name="Theirs")


def test_a_team_is_made_filled_renamed_emptied_and_deleted(
    cleo: Member, ada: Member, ben: Member, signed_in: SignIn
) -> None:
    client = signed_in.as_(cleo)
    assert "No teams yet" in client.get(PAGE).content.decode()

    made = client.post(f"{PAGE}creation/", {"name": "  Customer   success "})
    team = Team.objects.get()
    own = f"{PAGE}{team.pk}/"
    assert (made.url, team.name) == (own, "Customer success")

    for member in (ada, ben, ben):
        assert client.post(f"{own}members/", {"member": member.pk}).url == own
    assert inside(team) == {"Ada", "Ben"}
    assert client.post(f"{own}members/{ada.pk}/removal/").url == own
    assert inside(team) == {"Ben"}
    assert "Ben" in client.get(PAGE).content.decode()

    assert client.post(f"{own}name/", {"name": "Success"}).url == own
    team.refresh_from_db()
    assert team.name == "Success"
    assert client.post(f"{own}deletion/").url == PAGE
    assert not Team.objects.exists()
    assert actions() == [
        ("team_created", {"team": team.pk}),
        ("team_joined", {"team": team.pk, "member": ada.pk}),
        ("team_joined", {"team": team.pk, "member": ben.pk}),
        ("team_left", {"team": team.pk, "member": ada.pk}),
        ("team_renamed", {"team": team.pk}),
        ("team_deleted", {"team": team.pk}),
    ]


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "SUCCESS"])
def test_a_name_that_is_empty_long_or_taken_is_refused(
    cleo: Member, team: Team, signed_in: SignIn, name: str
) -> None:
    answer = signed_in.as_(cleo).post(f"{PAGE}creation/", {"name": name}, HTTP_HX_REQUEST="true")

    assert (answer.status_code, 'class="field__error"' in answer.content.decode()) == (200, True)
    with pytest.raises(NameRefused):
        create_team(name, by=cleo)
    assert Team.objects.count() == 1


def test_a_team_may_change_the_case_of_its_own_name(cleo: Member, team: Team) -> None:
    create_team("Board", by=cleo)

    rename_team(team, "SUCCESS", by=cleo)
    with pytest.raises(NameRefused):
        rename_team(team, "board", by=cleo)

    assert Team.objects.get(pk=team.pk).name == "SUCCESS"


def test_workspaces_may_use_the_same_name(cleo: Member, foreign: Team) -> None:
    assert create_team("Theirs", by=cleo).workspace == cleo.workspace


def test_the_deactivated_are_not_offered_and_do_not_join(
    cleo: Member, ada: Member, ben: Member, team: Team, signed_in: SignIn
) -> None:
    deactivate(ben, by=cleo)
    client = signed_in.as_(cleo)

    page = client.get(f"{PAGE}{team.pk}/").content.decode()
    answer = client.post(f"{PAGE}{team.pk}/members/", {"member": ben.pk}, follow=True)

    assert (f'value="{ada.pk}"' in page, f'value="{ben.pk}"' in page) == (True, False)
    assert "Ben is deactivated and joins no team." in answer.content.decode()
    assert inside(team) == set()


def test_whoever_is_in_is_not_offered_again(cleo: Member, ada: Member, team: Team, signed_in: SignIn) -> None:
    join_team(team, ada, by=cleo)

    page = signed_in.as_(cleo).get(f"{PAGE}{team.pk}/").content.decode()

    assert f'<option value="{ada.pk}"' not in page
    assert f'<option value="{cleo.pk}"' in page


def test_teams_and_members_of_another_workspace_do_not_exist(
    cleo: Member, dan: Member, team: Team, foreign: Team, signed_in: SignIn
) -> None:
    client = signed_in.as_(cleo)
    own, theirs = f"{PAGE}{team.pk}/", f"{PAGE}{foreign.pk}/"

    answers = [
        client.get(theirs),
        client.get(f"{theirs}name/form/"),
        client.get(f"{theirs}deletion/form/"),
        client.post(f"{theirs}name/", {"name": "Ours"}),
        client.post(f"{theirs}deletion/"),
        client.post(f"{theirs}members/", {"member": cleo.pk}),
        client.post(f"{own}members/", {"member": dan.pk}),
        client.post(f"{own}members/{dan.pk}/removal/"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 8
    assert client.post(f"{own}members/", {"member": "x"}).status_code == 400
    assert (inside(team), inside(foreign), Team.objects.get(pk=foreign.pk).name) == (set(), set(), "Theirs")


VERBS: dict[str, Callable[[Team, Member, Member], object]] = {
    "rename": lambda team, member, by: rename_team(team, "Mine", by=by),
    "delete": lambda team, member, by: delete_team(team, by=by),
    "join": lambda team, member, by: join_team(team, member, by=by),
    "leave": lambda team, member, by: leave_team(team, member, by=by),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_verbs_refuse_whoever_is_no_admin_of_this_workspace(
    cleo: Member,
    ada: Member,
    ben: Member,
    dan: Member,
    team: Team,
    verb: Callable[[Team, Member, Member], object],
) -> None:
    join_team(team, ada, by=cleo)
    foreign_admin = Member.objects.get(user__email="founder@elsewhere.example")
    before = actions()

    for by in (ada, dan, foreign_admin):
        with pytest.raises(PermissionDenied):
            verb(team, ben, by)

    assert (inside(team), Team.objects.get(pk=team.pk).name, actions()) == ({"Ada"}, "Success", before)


def test_a_member_makes_no_team_and_somebody_foreign_joins_none(
    cleo: Member, ada: Member, dan: Member, team: Team
) -> None:
    with pytest.raises(PermissionDenied):
        create_team("Mine", by=ada)
    with pytest.raises(PermissionDenied):
        join_team(team, dan, by=cleo)

    assert inside(team) == set()


def test_the_list_costs_the_same_for_one_team_and_for_three(
    cleo: Member, ada: Member, ben: Member, team: Team, signed_in: SignIn
) -> None:
    client = signed_in.as_(cleo)
    client.get(PAGE)

    costs = []
    for name in ("Board", "Press"):
        with CaptureQueriesContext(connection) as queries:
            client.get(PAGE)
        costs.append(len(queries))
        fresh = create_team(name, by=cleo)
        for member in (ada, ben):
            join_team(fresh, member, by=cleo)

    assert costs == [4, 4]
