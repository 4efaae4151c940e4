"""Who may sign up, what signing in is followed by, and what ends it."""

from functools import partial
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from crm.live import announce
from crm.models import Member, User, Workspace
from crm.signals import member_changed
from crm.workspaces import claim_verified

_LONGEST_BROWSER = 200


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "That email address and password do not go together.",
        "incorrect_password": "That is not your password.",
        "incorrect_code": "That code does not fit. Those of an app change every half minute.",
        "rate_limited": "Too many tries. Wait a little, then try again.",
        "too_many_login_attempts": "Too many tries. Wait a little, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Sign-up creates the first workspace; afterwards it takes an invitation."""
        return not Workspace.objects.exists()

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """By a worker, who asks a mail server again that does not answer: whether it does says nothing of who
        has an account, and keeps nobody waiting."""
        from crm.tasks import mail_account_change

        mail = self.render_mail(template_prefix, email, {"request": self.request, "email": email, **context})
        said = str(mail.subject), str(mail.body), email
        mail_account_change.apply_async(said, argsrepr="…")  # there is a link in it that lets its finder in

    def send_notification_mail(
        self,
        template_prefix: str,
        user: Any,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """By a worker: what was changed stays changed whether or not a mail server answers."""
        address = email or EmailAddress.objects.get_primary_email(user)
        if not (settings.ACCOUNT_EMAIL_NOTIFICATIONS and address):
            return
        where = {
            "timestamp": timezone.now(),
            "ip": self.get_client_ip(self.request),
            "user_agent": self.get_http_user_agent(self.request)[:_LONGEST_BROWSER],
        }
        from crm.tasks import mail_account_change

        mail = self.render_mail(template_prefix, address, {"user": user, **where, **(context or {})})
        send = partial(mail_account_change.delay, str(mail.subject), str(mail.body), address)
        transaction.on_commit(send, robust=True)


def rename(user: User, name: str) -> None:
    """What somebody is called, in all workspaces."""
    with transaction.atomic():
        user.name = name
        user.save(update_fields=["name"])
        for workspace_id in Member.objects.filter(user=user).values_list("workspace_id", flat=True):
            announce(workspace_id, is_all=True)


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
    User.objects.filter(pk=member.user_id).update(sessions_ended=F("sessions_ended") + 1)
