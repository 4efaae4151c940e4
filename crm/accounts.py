"""Who may sign up, what signing in is followed by, and what ends it."""

import logging
import re
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.signals import email_confirmed
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.cached_db import SessionStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from crm.models import Member, User, Workspace
from crm.signals import member_changed
from crm.workspaces import claim_verified


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Sign-up creates the first workspace; afterwards it takes an invitation."""
        return not Workspace.objects.exists()


def rename(user: User, name: str) -> None:
    """What somebody is called, in all workspaces."""
    user.name = name
    user.save(update_fields=["name"])


@receiver(email_confirmed)
def claim_confirmed(*, email_address: Any, **_: Any) -> None:
    for member in Member.objects.active().filter(user_id=email_address.user_id):
        claim_verified(member)


@receiver(member_changed)
def sign_out_the_deactivated(*, member_id: int, **_: Any) -> None:
    """Whoever is still active in another workspace stays signed in to that one."""
    member = Member.objects.get(pk=member_id)
    if Member.objects.active().filter(user_id=member.user_id).exists():
        return
    # Before the commit another request would take the session from the table into the cache again.
    transaction.on_commit(lambda: end_sessions(member.user_id))


def end_sessions(user_id: int) -> None:
    """A session names its user only inside, so all are looked at; deactivating is rare."""
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user_id):
            SessionStore(session.session_key).delete()


class WithoutSecrets(logging.Filter):
    """A log line may name a link that lets its finder in: the address of an invitation or of a new
    password, also as the page to go on to after signing in."""

    LINK = re.compile(r"((?:invitations|reset/key)(?:/|%2F))[\w-]{16,}", re.IGNORECASE)

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(self._hidden(one) for one in record.args)
        return True

    def _hidden(self, argument: object) -> object:
        return self.LINK.sub(r"\1…", argument) if isinstance(argument, str) else argument


for _name in ("uvicorn.access", "django.request", "django.security.csrf"):
    logging.getLogger(_name).addFilter(WithoutSecrets())
