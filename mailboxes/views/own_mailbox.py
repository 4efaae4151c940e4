"""The mailbox of the member's own that an address names, and the page of its settings with its dialogs."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from crm.decorators import WorkspaceRequest
from crm.views.dialogs import settings_dialog
from mailboxes.models import Mailbox


def own_mailbox(request: WorkspaceRequest, pk: int) -> Mailbox:
    """Anybody else's does not exist."""
    own = Mailbox.objects.owned_by(request.member).connected()
    return get_object_or_404(own.select_related("workspace"), pk=pk)


def settings_url(request: WorkspaceRequest, mailbox: Mailbox | None = None) -> str:
    url = reverse("mailboxes:account_settings", args=[request.member.workspace.slug])
    return f"{url}?mailbox={mailbox.pk}" if mailbox else url


def account_dialog(request: WorkspaceRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return settings_dialog(request, template, context, back_url=settings_url(request))
