"""Thin Celery tasks: mail that we write ourselves."""

from celery import shared_task
from django.utils import timezone

from crm import invitations, notifying


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
