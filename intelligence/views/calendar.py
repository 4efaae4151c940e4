"""The Calendar tab of a record."""

from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm.decorators import MAIL, WorkspaceRequest, member_required, wants_part
from crm.places import BadPlace
from crm.record_pages import record_page
from crm.records import BY_PLURAL
from intelligence.agenda import read_agenda
from intelligence.knowing import read_known


@require_safe
@member_required(MAIL)
def calendar(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """`after` is a place in what has been, `later` one in what is to come."""
    page = record_page(request.member, BY_PLURAL[plural], pk, now=timezone.now())
    place, later = request.GET.get("after", ""), request.GET.get("later", "")
    try:
        agenda = read_agenda(request.member, page, place=place, coming=later)
    except BadPlace:
        return HttpResponseBadRequest("This address asks for a part of the calendar that does not exist.")
    context = {
        "page": page,
        "agenda": agenda,
        "tab": "calendar/",
        "is_first_page": not (place or later),
        "of_record": f"of={plural}&record={pk}",
    }
    is_part = wants_part(request)
    if is_part and (place or later):
        part = "intelligence/_agenda_past.html" if place else "intelligence/_agenda_coming.html"
        return render(request, part, context)
    return render(request, "intelligence/calendar.html", context | {"known": read_known(page)})
