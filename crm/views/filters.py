"""Adding and changing a table's filters."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.decorators import MAIL, NO_MAIL, WorkspaceRequest, member_required, wants_part
from crm.records import BY_PLURAL, RecordType, read_id
from crm.tables.filters import MOST_FILTERS, BadFilter, Filter, filterable, make_filter
from crm.tables.page import members_of
from crm.tables.state import State
from crm.views.tables import arranged, asked_state


@require_safe
@member_required(NO_MAIL)
def filter_menu(request: WorkspaceRequest, plural: str) -> HttpResponse:
    """The attributes there are to filter by."""
    kind = BY_PLURAL[plural]
    state = asked_state(request, kind)
    attributes = sorted(filterable(kind.name).values(), key=lambda one: not one.is_smart)
    context = {"kind": kind, "state": state, "attributes": attributes}
    return render(request, _template(request, "crm/_filter_menu.html"), context | {"part": "menu"})


@require_safe
@member_required(NO_MAIL)
def filter_form(request: WorkspaceRequest, plural: str) -> HttpResponse:
    """The editor of a filter: number `index` of the table, else a new one of `attribute`. Changing the
    operator asks for the form anew, as other values may belong to it."""
    kind = BY_PLURAL[plural]
    context = _form(request, kind, asked_state(request, kind))
    return render(request, _template(request, "crm/_filter_form.html"), context)


@require_safe
@member_required(MAIL)
def filtering(request: WorkspaceRequest, plural: str) -> HttpResponse:
    """The table with the filter of the form added, or in the place of number `index`."""
    kind = BY_PLURAL[plural]
    state = asked_state(request, kind)
    given = request.GET
    try:
        made = make_filter(
            kind.name, given.get("attribute", ""), given.get("operator", ""), given.getlist("value")
        )
        filters = _placed(state, made, given.get("index", ""))
    except BadFilter as error:
        context = _form(request, kind, state) | {"error": str(error)}
        return render(request, _template(request, "crm/_filter_form.html"), context)
    response = arranged(request, kind, state.query(filters=filters))
    if request.htmx:
        response["HX-Retarget"], response["HX-Reswap"] = "#view", "innerHTML"
    return response


def _placed(state: State, made: Filter, index: str) -> tuple[Filter, ...]:
    filters = list(state.filters)
    place = _place(index, len(filters))
    if place is not None:
        filters[place] = made
    elif len(filters) >= MOST_FILTERS:
        raise BadFilter(f"A table has {MOST_FILTERS} filters at most.")
    elif made not in filters:
        filters.append(made)
    return tuple(dict.fromkeys(filters))


def _place(index: str, most: int) -> int | None:
    place = read_id(index)
    return place if place is not None and place < most else None


def _form(request: WorkspaceRequest, kind: RecordType, state: State) -> dict[str, Any]:
    """Raises BadFilter where there is no such attribute."""
    given = request.GET
    place = _place(given.get("index", ""), len(state.filters))
    existing = state.filters[place] if place is not None else None
    name = existing.attribute.name if existing else given.get("attribute", "")
    attribute = filterable(kind.name).get(name)
    if attribute is None:
        raise BadFilter("There is no such attribute.")
    usual = existing.operator.name if existing else attribute.operators[0].name
    operator = attribute.operator(given.get("operator") or usual)
    values = given.getlist("value") or (list(existing.values) if existing else [])
    faces = members_of(request.member.workspace_id) if operator.choices else {}
    return {
        "part": "form",
        "kind": kind,
        "state": state,
        "attribute": attribute,
        "operator": operator,
        "values": values,
        "choices": operator.choices(faces) if operator.choices else (),
        "index": "" if place is None else str(place),
    }


def _template(request: WorkspaceRequest, fragment: str) -> str:
    is_fragment = wants_part(request)
    return fragment if is_fragment else "crm/filter_page.html"
