from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.decorators import NO_MAIL, WorkspaceRequest, member_required
from mailboxes.progress import backfill_progress


@require_safe
@member_required(NO_MAIL)
def progress(request: WorkspaceRequest) -> HttpResponse:
    """How far reading everybody's mail has come; asked for again by the page until it is done."""
    context = {"progress": backfill_progress(request.member.workspace), "is_part": True}
    return render(request, "_backfill_toast.html", context)
