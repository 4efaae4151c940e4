import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.invitations import invite
from crm.models import AuditEvent, Member, Role, Team, TeamMembership
from crm.surfaces import surfaces
from crm.workspaces import LastAdmin, add_member, change_role, create_workspace, deactivate, reactivate
from tests.conftest import SignIn

pytestmark = pytest.mark.django_db

PAGE = "/halyard/settings/workspace/members/"


def is_active(member: Member) -> bool:
    return Member.objects.values_list("is_active", flat=True).get(pk=member.pk)


def role_of(member: Member) -> str:
    return Member.objects.values_list("role", flat=True).get(pk=member.pk)


def audited() -> list[tuple[str, int | None, dict[str, int]]]:
    return list(AuditEvent.objects.order_by("pk").values_list("action", "actor_id", "details"))


def rows(content: bytes) -> list[str]:
    """What the list says, a line for each row."""
    items = re.findall(r'<li class="sharee".*?</li>', content.decode(), re.S)
    return [" ".join(re.sub(r"<[^>]*>", " ", item.split("<form")[0]).split()) for item in items]


# Who may


@pytest.mark.parametrize("who", ["member", "foreign admin", "deactivated admin"])
def test_the_pages_of_admins_exist_for_nobody_else(
    cleo: Member, ada: Member, dan: Member, signed_in: SignIn, who: str
) -> None:
    former = add_member(cleo.workspace, "former@halyard.example", role=Role.ADMIN)
    deactivate(former, by=cleo)
    foreign = Member.objects.get(user__email="founder@elsewhere.example")
    client = signed_in.as_({"member": ada, "foreign admin": foreign, "deactivated admin": former}[who])
    routes = [one for one in surfaces() if one.policy == "admin" and "/settings/workspace/" in one.route]
    paths = [re.sub(r"<int:\w+>", str(ada.pk), one.route.replace("<slug:slug>", "halyard")) for one in routes]

    assert len(paths) >= 19
    for path in paths:
        assert {client.get(path, follow=True).status_code, client.post(path).status_code} <= {404, 405}
    assert (role_of(ada), is_active(ada), audited()[1:]) == ("member", True, [])


def test_the_page_asks_to_sign_in_first() -> None:
    assert Client().get(PAGE).url == f"/accounts/login/?next={PAGE}"


@pytest.mark.parametrize("name", ["role", "deactivation", "reactivation"])
def test_somebody_of_another_workspace_does_not_exist(
    cleo: Member, dan: Member, signed_in: SignIn, name: str
) -> None:
    client = signed_in.as_(cleo)

    foreign = client.post(f"{PAGE}{dan.pk}/{name}/", {"role": "admin"})
    invented = client.post(f"{PAGE}{dan.pk + 1000}/{name}/", {"role": "admin"})

    assert (foreign.status_code, invented.status_code) == (404, 404)
    assert (role_of(dan), is_active(dan), audited()) == ("member", True, [])


@pytest.mark.parametrize("name", ["role", "deactivation", "reactivation"])
def test_actions_are_never_done_by_looking(cleo: Member, ada: Member, signed_in: SignIn, name: str) -> None:
    assert signed_in.as_(cleo).get(f"{PAGE}{ada.pk}/{name}/").status_code in (302, 405)
    assert (role_of(ada), is_active(ada), audited()) == ("member", True, [])


VERBS: list[Callable[[Member, Member], None]] = [
    lambda member, by: change_role(member, Role.ADMIN, by=by),
    lambda member, by: deactivate(member, by=by),
    lambda member, by: reactivate(member, by=by),
]


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_refuse_whoever_is_no_admin_of_this_workspace(
    cleo: Member, ada: Member, dan: Member, ben: Member, verb: Any
) -> None:
    foreign = Member.objects.get(user__email="founder@elsewhere.example")

    for by in (ada, ben, dan, foreign):
        with pytest.raises(PermissionDenied):
            verb(ada, by)

    assert (role_of(ada), is_active(ada), audited()) == ("member", True, [])


# What it shows


def test_the_list_has_everybody_with_teams_and_the_deactivated_apart(
    cleo: Member, ada: Member, ben: Member, signed_in: SignIn
) -> None:
    team = Team.objects.create(workspace=ada.workspace, name="Success")
    TeamMembership.objects.create(workspace=ada.workspace, team=team, member=ada)
    deactivate(ben, by=cleo)
    invite("nora@x.example", role=Role.ADMIN, by=cleo)

    page = signed_in.as_(cleo).get(PAGE)

    shown = rows(page.content)
    assert shown[:2] == ["A Ada ada@halyard.example · Success", "C Cleo You cleo@halyard.example"]
    assert re.sub(r"expires \d+ \w+ \d+", "expires …", shown[2]) == (
        "nora@x.example Admin · expires … · invited by Cleo"
    )
    assert shown[3:] == ["B Ben ben@halyard.example"]


def test_the_list_costs_the_same_for_one_and_for_three(cleo: Member, signed_in: SignIn) -> None:
    lone = create_workspace("lone", name="Lone", admin_email="lone@x.example")

    def cost(member: Member, path: str) -> int:
        client = signed_in.as_(member)
        client.get(path)
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        return len(queries)

    one = cost(lone.members.get(), "/lone/settings/workspace/members/")
    invite("a@x.example", role=Role.MEMBER, by=cleo)
    three = cost(cleo, PAGE)

    assert (one, three) == (5, 5)


def test_dialogs_are_fragments_for_htmx_and_pages_by_themselves(
    cleo: Member, ada: Member, signed_in: SignIn
) -> None:
    client = signed_in.as_(cleo)

    for path in (f"{PAGE}{ada.pk}/deactivation/form/", "/halyard/settings/workspace/invitations/form/"):
        fragment = client.get(path, HTTP_HX_REQUEST="true").content.decode()
        page = client.get(path).content.decode()
        assert ("<html" in fragment, "<html" in page) == (False, True)
        assert ('id="dialog-title"' in fragment, 'id="dialog-title"' in page) == (True, True)


# Roles


def test_a_role_changes_and_is_written_down(cleo: Member, ada: Member, signed_in: SignIn) -> None:
    client = signed_in.as_(cleo)

    for role in ("admin", "admin", "member"):
        assert client.post(f"{PAGE}{ada.pk}/role/", {"role": role}).url == PAGE

    assert role_of(ada) == "member"
    assert audited() == [
        ("member_made_admin", cleo.pk, {"member": ada.pk}),
        ("member_made_member", cleo.pk, {"member": ada.pk}),
    ]


def test_an_unknown_role_is_a_bad_request(cleo: Member, ada: Member, signed_in: SignIn) -> None:
    assert signed_in.as_(cleo).post(f"{PAGE}{ada.pk}/role/", {"role": "owner"}).status_code == 400
    assert role_of(ada) == "member"


def test_the_last_admin_stays_one_and_is_told_why(cleo: Member, ada: Member, signed_in: SignIn) -> None:
    former = add_member(cleo.workspace, "former@halyard.example", role=Role.ADMIN)
    deactivate(former, by=cleo)
    client = signed_in.as_(cleo)
    why = "Cleo is the last active admin of Halyard. Make somebody else an admin first."

    demoted = client.post(f"{PAGE}{cleo.pk}/role/", {"role": "member"}, follow=True)
    asked = client.get(f"{PAGE}{cleo.pk}/deactivation/form/").content.decode()
    deactivated = client.post(f"{PAGE}{cleo.pk}/deactivation/").content.decode()

    assert [why in page for page in (demoted.content.decode(), asked, deactivated)] == [True] * 3
    assert ">Deactivate</button>" not in asked
    assert (role_of(cleo), is_active(cleo)) == ("admin", True)
    with pytest.raises(LastAdmin):
        change_role(cleo, Role.MEMBER, by=cleo)
    assert change_role(ada, Role.ADMIN, by=cleo) is None
    change_role(cleo, Role.MEMBER, by=ada)
    assert role_of(cleo) == "member"


def test_two_admins_do_not_demote_each_other_at_once(cleo: Member, ada: Member) -> None:
    change_role(ada, Role.ADMIN, by=cleo)
    ada_as_loaded, cleo_as_loaded = Member.objects.get(pk=ada.pk), Member.objects.get(pk=cleo.pk)

    change_role(cleo, Role.MEMBER, by=ada_as_loaded)
    with pytest.raises(LastAdmin):
        change_role(ada, Role.MEMBER, by=cleo_as_loaded)


def test_whoever_gives_up_his_role_is_led_out_of_the_settings(
    cleo: Member, ada: Member, signed_in: SignIn
) -> None:
    change_role(ada, Role.ADMIN, by=cleo)

    answer = signed_in.as_(cleo).post(f"{PAGE}{cleo.pk}/role/", {"role": "member"}, HTTP_HX_REQUEST="true")

    assert answer["HX-Redirect"] == "/halyard/companies/"


# Leaving and coming back


def test_deactivating_ends_sessions_and_team_and_closes_every_page(
    cleo: Member, ada: Member, ben: Member, signed_in: SignIn, django_capture_on_commit_callbacks: Any
) -> None:
    team = Team.objects.create(workspace=ada.workspace, name="Success")
    TeamMembership.objects.create(workspace=ada.workspace, team=team, member=ada)
    adas, bens = [signed_in.as_(ada), signed_in.as_(ada)], signed_in.as_(ben)
    for client in (*adas, bens):
        assert client.get("/halyard/companies/").status_code == 200

    with django_capture_on_commit_callbacks(execute=True):
        answer = signed_in.as_(cleo).post(f"{PAGE}{ada.pk}/deactivation/")

    assert answer.url == PAGE
    for client in adas:
        assert client.get("/halyard/companies/").url == "/accounts/login/?next=/halyard/companies/"
    assert bens.get("/halyard/companies/").status_code == 200
    assert Session.objects.count() == 2
    assert not TeamMembership.objects.filter(member=ada).exists()
    assert audited() == [("member_deactivated", cleo.pk, {"member": ada.pk})]
    assert signed_in.as_(ada).get("/halyard/companies/").status_code == 404  # signed in anew


def test_whoever_is_active_elsewhere_stays_signed_in_there(
    cleo: Member, ada: Member, dan: Member, signed_in: SignIn, django_capture_on_commit_callbacks: Any
) -> None:
    Member.objects.create(workspace=dan.workspace, user=ada.user)
    client = signed_in.as_(ada)

    with django_capture_on_commit_callbacks(execute=True):
        deactivate(ada, by=cleo)

    assert client.get("/halyard/companies/").status_code == 404
    assert client.get("/elsewhere/companies/").status_code == 200


def test_an_admin_may_leave_when_another_stays(
    cleo: Member, ada: Member, signed_in: SignIn, django_capture_on_commit_callbacks: Any
) -> None:
    change_role(ada, Role.ADMIN, by=cleo)
    client = signed_in.as_(cleo)

    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(f"{PAGE}{cleo.pk}/deactivation/")

    assert (answer.status_code, answer.url) == (302, "/")
    assert client.get("/").url == "/accounts/login/?next=/"


def test_somebody_comes_back_without_his_teams(cleo: Member, ada: Member, signed_in: SignIn) -> None:
    team = Team.objects.create(workspace=ada.workspace, name="Success")
    TeamMembership.objects.create(workspace=ada.workspace, team=team, member=ada)
    deactivate(ada, by=cleo)

    for _ in range(2):
        signed_in.as_(cleo).post(f"{PAGE}{ada.pk}/reactivation/")

    assert signed_in.as_(ada).get("/halyard/companies/").status_code == 200
    assert ada.teams.count() == 0
    assert [action for action, _, _ in audited()] == ["member_deactivated", "member_reactivated"]


# The frame


def test_the_settings_navigation_marks_where_one_is(cleo: Member, signed_in: SignIn) -> None:
    page = signed_in.as_(cleo).get(PAGE).content.decode()

    assert re.findall(r'href="([^"]*)" aria-current="(\w+)"', page) == [(PAGE, "page")]
    assert "Back to Halyard" in page
