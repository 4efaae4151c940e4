"""Who may sign up, and what signing in is followed by."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.signals import email_confirmed
from django.dispatch import receiver
from django.http import HttpRequest

from crm.models import Member, Workspace
from crm.workspaces import claim_verified


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Sign-up creates the first workspace; afterwards it takes an invitation."""
        return not Workspace.objects.exists()


@receiver(email_confirmed)
def claim_confirmed(*, email_address: Any, **_: Any) -> None:
    for member in Member.objects.active().filter(user_id=email_address.user_id):
        claim_verified(member)
