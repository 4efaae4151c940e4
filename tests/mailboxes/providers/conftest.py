import pytest

from crm.models import Member
from mailboxes.models import Mailbox
from tests.conftest import SignIn
from tests.fakes.google import Google
from tests.fakes.microsoft import Microsoft
from tests.mailboxes.consentrig import connected


@pytest.fixture
def box(fake: Google | Microsoft, ada: Member, signed_in: SignIn) -> Mailbox:
    """Ada's account at this provider, connected; the provider has forgotten what that took."""
    found = connected(fake, signed_in.as_(ada), ada)
    fake.log.clear()
    return found
