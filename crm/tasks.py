"""Thin Celery tasks: mail that we write ourselves, imports, and what is kept for a while only."""

from celery import shared_task
from django.core.mail import send_mail
from django.db import OperationalError
from django.utils import timezone

from crm import invitations, notifying
from crm.edits import undoing
from crm.importing import files, running


# A mail server that does not answer is asked again for a quarter of an hour.
@shared_task(
    ignore_result=True, autoretry_for=(OSError,), retry_backoff=30, retry_backoff_max=480, max_retries=5
)
def mail_invitation(invitation_id: int) -> None:
    invitations.send_link(invitation_id, now=timezone.now())


@shared_task(
    ignore_result=True, autoretry_for=(OSError,), retry_backoff=30, retry_backoff_max=480, max_retries=5
)
def mail_notification(notification_id: int) -> None:
    notifying.mail(notification_id)


@shared_task(
    ignore_result=True, autoretry_for=(OSError,), retry_backoff=30, retry_backoff_max=480, max_retries=5
)
def mail_account_change(subject: str, body: str, address: str) -> None:
    send_mail(subject, body, None, [address])


# A table that changed elsewhere at the same moment is tried again; what is done stays done.
@shared_task(ignore_result=True, autoretry_for=(OSError, OperationalError), retry_backoff=5, max_retries=5)
def run_import(import_id: int) -> None:
    if running.run(import_id):
        run_import.delay(import_id)


@shared_task(ignore_result=True)
def forget_deletions() -> None:
    undoing.forget_old(now=timezone.now())


@shared_task(ignore_result=True)
def forget_imports() -> None:
    """Imports whose worker died go on; old ones are forgotten."""
    for import_id in running.stalled(now=timezone.now()):
        run_import.delay(import_id)
    files.forget_old(now=timezone.now())
