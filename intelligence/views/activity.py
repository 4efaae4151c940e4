"""The Activity tab, which is also what a record page opens with."""

from typing import Any

from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crm.decorators import MAIL, WorkspaceRequest, member_required, wants_part
from crm.places import BadPlace, asked_pages
from crm.record_pages import RecordPage, record_page
from crm.records import BY_PLURAL
from intelligence.choosing import BadChoice, Choice, Kind, read_choice
from intelligence.connections import Tie, ties
from intelligence.knowing import read_known
from intelligence.recordkinds import kind_named
from intelligence.timeline import read_timeline


@require_safe
@member_required(MAIL)
def activity(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """Within the page the feed alone, or what follows in it."""
    page = record_page(request.member, BY_PLURAL[plural], pk, now=timezone.now())
    place = request.GET.get("after", "")
    try:
        choice = read_choice(request.GET, page.look.faces)
        pages = asked_pages(request.GET.get("pages", "")) if place else 1
        timeline = read_timeline(request.member, page, place, choice, pages=pages)
    except (BadPlace, BadChoice):
        return HttpResponseBadRequest("This address asks for a part of the feed that does not exist.")
    context = {
        "page": page,
        "timeline": timeline,
        "choice": choice,
        "feed_url": f"{page.url}{choice.query()}",
        "is_first_page": not place,
        "of_record": f"of={plural}&record={pk}",
    }
    is_part = wants_part(request)
    if is_part and place:
        return render(request, "intelligence/_months.html", context)
    if is_part and request.htmx.target == "feed":
        found = ties(kind_named(page.kind.name), pk, page.look)
        return render(request, "intelligence/_feed.html", context | _toolbar(page, choice, found))
    context["known"] = known = read_known(page)
    return render(request, "intelligence/record.html", context | _toolbar(page, choice, known.all_ties))


def _toolbar(page: RecordPage, choice: Choice, found: list[Tie] | Any) -> dict[str, Any]:
    """The kinds, and whoever has been in touch, each with the address it leads to."""
    kinds = [(kind, f"{page.url}{choice.query(kind=kind)}") for kind in Kind]
    members = {tie.face.pk: tie.face for tie in found}
    if choice.member_id:
        members.setdefault(choice.member_id, page.look.faces[choice.member_id])
    faces = sorted(members.values(), key=lambda face: face.name.casefold())
    return {
        "kinds": kinds,
        "anyone_url": f"{page.url}{choice.query(member=None)}",
        "members": [(face, f"{page.url}{choice.query(member=face.pk)}") for face in faces],
        "chosen_member": members.get(choice.member_id) if choice.member_id else None,
    }
