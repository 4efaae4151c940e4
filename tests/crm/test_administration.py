"""What operators may change in Django admin: it is refused where it makes no sense, and what follows follows."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from crm.auditing import audit
from crm.models import Address, Member, Role, Team, TeamMembership, User
from tests.desk import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(db: None) -> Client:
    client = Client()
    user = User.objects.create_user("operator@house.example", is_staff=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def add(operator: Client, team: Team, member: Member) -> str:
    answer = operator.post(
        f"/admin/crm/team/{team.pk}/change/",
        {
            "workspace": team.workspace_id,
            "name": team.name,
            "memberships-TOTAL_FORMS": "1",
            "memberships-INITIAL_FORMS": "0",
            "memberships-0-team": team.pk,
            "memberships-0-member": member.pk,
        },
        follow=True,
    )
    return answer.content.decode()


def test_only_active_members_of_the_workspace_join_a_team(
    operator: Client, desk: Desk, ada: Member, ben: Member, dan: Member
) -> None:
    team = Team.objects.create(workspace=desk.workspace, name="Sales")
    Member.objects.filter(pk=ben.pk).update(is_active=False)

    for member in (ben, dan):
        assert "Only an active member of the same workspace" in add(operator, team, member)
    add(operator, team, ada)

    assert list(TeamMembership.objects.values_list("member", flat=True)) == [ada.pk]


def test_when_records_are_made_is_left_to_admins_for_mail_follows_it(operator: Client, desk: Desk) -> None:
    page = operator.get(f"/admin/crm/workspace/{desk.workspace.pk}/change/").content.decode()

    assert 'name="plan"' in page
    assert "automatic_creation" not in page


def save(operator: Client, place: str, **given: Any) -> str:
    return operator.post(f"/admin/crm/{place}/", given, follow=True).content.decode()


def test_the_last_admin_stays_one(operator: Client, desk: Desk, ada: Member, ben: Member) -> None:
    Member.objects.filter(pk=ada.pk).update(role=Role.ADMIN)
    Member.objects.exclude(pk=ada.pk).update(role=Role.MEMBER)

    demoted = save(operator, f"member/{ada.pk}/change", role="member", is_active="on")
    deactivated = save(operator, f"member/{ada.pk}/change", role="admin")
    save(operator, f"member/{ben.pk}/change", role="admin", is_active="on")
    save(operator, f"member/{ada.pk}/change", role="member")

    assert "is the last active admin" in demoted
    assert "is the last active admin" in deactivated
    assert list(Member.objects.filter(workspace=desk.workspace, role="admin")) == [ben]
    ada.refresh_from_db()
    assert (ada.role, ada.is_active) == ("member", False)


def test_an_address_given_here_is_its_owners_everywhere(operator: Client, desk: Desk, ben: Member) -> None:
    EmailAddress.objects.create(user=ben.user, email="ben@second.example", verified=True)
    user = {"email": "New@House.Example", "usable_password": "false"}
    save(operator, "user/add", **user)
    joined = User.objects.get(email="new@house.example")
    save(operator, "member/add", workspace=desk.workspace.pk, user=joined.pk, role="member", is_active="on")

    changed = save(operator, f"user/{joined.pk}/change", email="newer@house.example", is_active="on",
                   date_joined_0="2026-01-01", date_joined_1="00:00")  # fmt: skip
    taken = save(operator, f"user/{joined.pk}/change", email="BEN@second.example", is_active="on",
                 date_joined_0="2026-01-01", date_joined_1="00:00")  # fmt: skip

    member = Member.objects.get(user=joined)
    assert set(Address.objects.filter(member=member).values_list("email", flat=True)) == {
        "new@house.example",
        "newer@house.example",
    }
    # The first was mistyped: nobody gets in by it.
    assert EmailAddress.objects.get(user=joined).email == "newer@house.example", changed
    assert "This address belongs to another account." in taken


def test_operators_have_the_same_rights_all_of_them_and_see_who_decided(
    operator: Client, desk: Desk, ada: Member
) -> None:
    audit("shared", by=ada, owner=ada, level=3)

    index = operator.get("/admin/").content.decode()
    events = operator.get("/admin/crm/auditevent/").content.decode()

    assert [name for name in ("Users", "Members", "Audit events", "Mailboxes") if name not in index] == []
    assert [name for name in ("Groups", "Email addresses") if name in index] == []
    assert "shared" in events and "Add audit event" not in events
