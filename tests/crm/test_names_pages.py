"""What people and their workspace are called, and who may change it."""

import pytest

from crm.models import AuditEvent, Member
from tests.conftest import SignIn

pytestmark = pytest.mark.django_db

PROFILE, GENERAL = "/halyard/settings/account/profile/", "/halyard/settings/workspace/general/"


def test_everybody_changes_their_own_name(ada: Member, ben: Member, signed_in: SignIn) -> None:
    browser = signed_in.as_(ada)

    page = browser.post(PROFILE, {"name": "  Ada \u202e King "}, follow=True).content.decode()

    ada.user.refresh_from_db()
    assert ada.user.name == "Ada King"
    assert "Your name is changed." in page
    assert 'value="Ada King"' in page
    ben.user.refresh_from_db()
    assert ben.user.name != "Ada King"


@pytest.mark.parametrize("name", ["", "   ", "\u200b", "x" * 121])
def test_a_name_that_is_none_says_so(ada: Member, signed_in: SignIn, name: str) -> None:
    before = ada.user.name

    answer = signed_in.as_(ada).post(PROFILE, {"name": name})

    assert answer.status_code == 400
    assert "field__error" in answer.content.decode()
    ada.user.refresh_from_db()
    assert ada.user.name == before


def test_admins_rename_the_workspace_and_its_addresses_stay(
    cleo: Member, ada: Member, signed_in: SignIn
) -> None:
    assert signed_in.as_(ada).post(GENERAL, {"name": "Mine"}).status_code == 404

    page = signed_in.as_(cleo).post(GENERAL, {"name": "Halyard & Sons"}, follow=True)

    cleo.workspace.refresh_from_db()
    assert (cleo.workspace.name, cleo.workspace.slug) == ("Halyard & Sons", "halyard")
    assert "Halyard &amp; Sons" in page.content.decode()
    assert AuditEvent.objects.filter(action="workspace_renamed", actor=cleo).exists()


def test_the_address_of_a_workspace_leads_to_its_companies(
    ada: Member, dan: Member, signed_in: SignIn
) -> None:
    assert signed_in.as_(ada).get("/halyard/").headers["Location"] == "/halyard/companies/"
    assert signed_in.as_(dan).get("/halyard/").status_code == 404
    assert signed_in.as_(ada).get("/accounts/workspaces/").headers["Location"] == "/"
