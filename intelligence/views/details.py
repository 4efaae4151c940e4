"""Parts of a record's page that refresh or open by themselves: its details, the reasons for a grade,
the numbers on its tabs."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm.decorators import MAIL, WorkspaceRequest, member_required, wants_part
from crm.record_pages import RecordPage, record_page
from crm.records import BY_PLURAL, find_record, read_id
from intelligence.agenda import count_meetings
from intelligence.counterparts import counterparts
from intelligence.explaining import FEW_DAYS, MOST_DAYS, explain
from intelligence.knowing import read_known
from intelligence.recordkinds import kind_named
from mailboxes.correspondence.threads import count_threads


@require_safe
@member_required(MAIL)
def details(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    page = record_page(request.member, BY_PLURAL[plural], pk, now=timezone.now())
    return _part(
        request, "crm/_details_panel.html", "intelligence/details.html", page, known=read_known(page)
    )


@require_safe
@member_required(MAIL)
def outside(request: WorkspaceRequest, plural: str, pk: int) -> JsonResponse:
    """Names for the tooltips of a record's times, by which time it is: {"last_email": "Dora Kim"}."""
    kind = BY_PLURAL[plural]
    find_record(request.member, kind, pk)
    workspace_id = request.member.workspace_id
    return JsonResponse(counterparts(kind_named(kind.name), pk, workspace_id=workspace_id))


@require_safe
@member_required(MAIL)
def strength(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """Why the tie of `member` with the record has its grade."""
    page = record_page(request.member, BY_PLURAL[plural], pk, now=timezone.now())
    member_id = read_id(request.GET.get("member", ""))
    if member_id not in page.look.faces:
        raise Http404
    most = FEW_DAYS if wants_part(request) else MOST_DAYS
    why = explain(kind_named(page.kind.name), pk, member_id, page.look, most=most)
    if why is None:
        raise Http404
    return _part(request, "intelligence/_strength.html", "intelligence/strength.html", page, why=why)


@dataclass(frozen=True, slots=True)
class CountedTab:
    """As a tab, with how much is behind it."""

    label: str
    path: str
    count: str


@require_safe
@member_required(MAIL)
def counts(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """The tabs once more; loaded after the page, because counting takes longer than showing."""
    page = record_page(request.member, BY_PLURAL[plural], pk, now=timezone.now())
    found = _counted(request, page)
    tabs = [CountedTab(tab.label, tab.path, found.get(tab.path, "")) for tab in page.tabs]
    context = {"page": page, "tab": request.GET.get("tab", ""), "counted": tabs}
    return render(request, "crm/_record_tabs.html", context)


def _counted(request: WorkspaceRequest, page: RecordPage) -> dict[str, str]:
    record = page.record
    threads = count_threads(request.member, page.kind, record.pk)
    meetings = count_meetings(kind_named(page.kind.name), record.pk, workspace_id=record.workspace_id)
    found = {
        "emails/": f"{threads.total}{'+' if threads.is_capped else ''}",
        "calendar/": str(meetings),
    }
    return found | ({"people/": str(record.people_count)} if page.kind.name == "company" else {})


def _part(request: WorkspaceRequest, part: str, whole: str, page: RecordPage, **context: Any) -> HttpResponse:
    return render(request, part if wants_part(request) else whole, {"page": page, **context})
