"""The Activity tab, which is also what a record page opens with."""

from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from crm.decorators import MAIL, WorkspaceRequest, member_required
from crm.places import BadPlace
from crm.record_pages import record_page
from crm.records import BY_PLURAL
from intelligence.connections import ties
from intelligence.recordkinds import RECORD_KINDS
from intelligence.timeline import read_timeline


@require_GET
@member_required(MAIL)
def activity(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    page = record_page(request.member, BY_PLURAL[plural], pk, now=timezone.now())
    place = request.GET.get("after", "")
    try:
        timeline = read_timeline(request.member, page, place)
    except BadPlace:
        return HttpResponseBadRequest("This address asks for a place that does not exist.")
    context = {
        "page": page,
        "timeline": timeline,
        "is_first_page": not place,
        "of_record": f"of={plural}&record={pk}",
    }
    if request.htmx and place and not request.htmx.history_restore_request:
        return render(request, "intelligence/_months.html", context)
    kind = next(kind for kind in RECORD_KINDS if kind.name == page.kind.name)
    context["ties"] = ties(kind, pk, page.look)
    return render(request, "intelligence/record.html", context)
