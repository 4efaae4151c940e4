"""Parts of a record's page that bring themselves up to date."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm.decorators import NO_MAIL, WorkspaceRequest, member_required
from crm.record_pages import record_page
from crm.records import BY_PLURAL


@require_safe
@member_required(NO_MAIL)
def header(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    return _part(request, plural, pk, "crm/_record_head.html")


@require_safe
@member_required(NO_MAIL)
def details(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    return _part(request, plural, pk, "crm/_record_details.html")


def _part(request: WorkspaceRequest, plural: str, pk: int, template: str) -> HttpResponse:
    page = record_page(request.member, BY_PLURAL[plural], pk, now=timezone.now())
    return render(request, template, {"page": page, "is_part": True}) if request.htmx else redirect(page.url)
