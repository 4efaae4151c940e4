from crm.decorators import member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from mailboxes.progress import backfill_progress


@require_GET
@member_required
def progress(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "mailboxes/_progress.html",
        {"progress": backfill_progress(request.member.workspace)},
    )
