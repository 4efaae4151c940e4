"""The People tab of a company."""

from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm.decorators import MAIL, WorkspaceRequest, member_required, wants_part
from crm.places import BadPlace
from crm.record_pages import record_page
from crm.records import BY_PLURAL, COMPANY
from crm.staff import read_staff


@require_safe
@member_required(MAIL)
def people(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    if BY_PLURAL[plural] is not COMPANY:
        raise Http404
    now = timezone.localtime()
    page = record_page(request.member, COMPANY, pk, now=now)
    place = request.GET.get("after", "")
    try:
        staff = read_staff(page.record, member=request.member, place=place, now=now)
    except BadPlace:
        return HttpResponseBadRequest("This address asks for a place that does not exist.")
    context = {"page": page, "staff": staff, "tab": "people/", "is_first_page": not place}
    is_next = place and wants_part(request)
    return render(request, "crm/_staff_rows.html" if is_next else "crm/record_people.html", context)
