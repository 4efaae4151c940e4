"""What operators may change in Django admin is refused where it makes no sense."""

import pytest
from django.test import Client

from crm.models import Member, Team, TeamMembership, User
from tests.desk import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(db: None) -> Client:
    client = Client()
    user = User.objects.create_superuser("operator@house.example", password=None)
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
