from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm.decorators import MAIL, WorkspaceRequest, member_required, wants_part
from mailboxes.correspondence.meetings import find_event


@require_safe
@member_required(MAIL)
def event(request: WorkspaceRequest, pk: int) -> HttpResponse:
    """Opened alone a page, opened in a feed the card that takes its entry's place."""
    is_card = wants_part(request) and request.htmx.target != "main"  # a page brings itself up to date
    template = "mailboxes/_event_card.html" if is_card else "mailboxes/event.html"
    return render(request, template, {"event": find_event(request.member, pk, now=timezone.now())})
