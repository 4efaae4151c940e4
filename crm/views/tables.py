"""The companies and people tables: rows, columns, what stands under them, and their export."""

import re
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from crm.decorators import MAIL, NO_MAIL, WorkspaceRequest, member_required, wants_part
from crm.exporting import export_lines, export_view
from crm.models import Member
from crm.places import asked_pages
from crm.record_pages import tab_at
from crm.records import BY_PLURAL, RecordType, find_record, read_id
from crm.tables.arranging import column_choices, moved_column, remember_columns, with_column
from crm.tables.changes import MOST_SHOWN, read_changes
from crm.tables.columns import columns_of
from crm.tables.filters import filterable
from crm.tables.footer import calculate
from crm.tables.neighbours import neighbours as find_neighbours
from crm.tables.page import build_table, look_of, shown_columns
from crm.tables.saved_views import views_of
from crm.tables.state import BadState, State, read_state
from crm.views.csv_file import csv_file
from crm.views.dialogs import leave_for

NEXT_ROWS = "crm/_next_rows.html"


@require_safe
@member_required(MAIL)
def records(request: WorkspaceRequest, plural: str) -> HttpResponse:
    kind = BY_PLURAL[plural]
    state = asked_state(request, kind)
    is_view_gone = request.GET.get("view") and state.view is None
    if is_view_gone and not request.htmx:
        return _without_view(request, kind)
    if is_view_gone and state.after is None:
        return arranged(request, kind, state.query())
    return render_table(request, kind, state)


def _without_view(request: WorkspaceRequest, kind: RecordType) -> HttpResponse:
    """Whoever was sent the address of a view that is not theirs, or is gone, is told."""
    rest = request.GET.copy()
    del rest["view"]
    shown = "Its filters are kept here." if "filter" in rest else f"These are all {kind.plural}."
    messages.info(request, f"That view is gone, or whoever made it keeps it to themselves. {shown}")
    return redirect(f"{kind.list_url(request.member.workspace.slug)}?{rest.urlencode()}".rstrip("?"))


@require_POST
@member_required(MAIL)
def columns(request: WorkspaceRequest, plural: str) -> HttpResponse:
    """Show or hide a column (`column`, `shown` 1 or 0), or move it (`column`, `by` so many places, to the
    left if negative). Of all records the choice is remembered; of a saved view it is a change that can be
    saved."""
    kind = BY_PLURAL[plural]
    name = request.POST.get("column", "")
    state = asked_state(request, kind)
    if by := request.POST.get("by"):
        chosen = moved_column(state, name, by=_places(by))
    else:
        is_shown = request.POST.get("shown", "0" if name in state.columns else "1") == "1"
        chosen = with_column(state, name, is_shown=is_shown)
    if state.view is None:
        remember_columns(request.member, kind, chosen)
    return arranged(request, kind, state.query(columns=chosen))


@require_safe
@member_required(NO_MAIL)
def column_menu(request: WorkspaceRequest, plural: str, name: str) -> HttpResponse:
    """What can be done with one column."""
    kind = BY_PLURAL[plural]
    column = columns_of(kind.name).get(name)
    state = asked_state(request, kind)
    if column is None:
        raise BadState("There is no such column.")
    ways = [
        (words, "arrow-down", state.query(sort=name, is_descending=is_descending), is_descending)
        for is_descending, words in enumerate(column.orders)
    ]
    context = {
        "kind": kind,
        "column": column,
        "state": state,
        "ways": ways if column.walk else [],
        "is_filterable": name in filterable(kind.name),
        "is_shown": name in state.columns,
        "is_first": state.columns[:1] == (name,),
        "is_last": state.columns[-1:] == (name,),
    }
    template = "crm/_attribute_menu.html" if request.htmx else "crm/filter_page.html"
    return render(request, template, context | {"part": "column"})


@require_safe
@member_required(MAIL)
def calculations(request: WorkspaceRequest, plural: str) -> HttpResponse:
    """What stands under the table; `calculation` is `column:name`, any number of times."""
    kind = BY_PLURAL[plural]
    state = asked_state(request, kind)
    wanted = dict(one.split(":", 1) for one in request.GET.getlist("calculation") if ":" in one)
    look = look_of(request.member, now=timezone.now())
    shown = shown_columns(kind, state)
    count, total, calculated = calculate(
        request.member.workspace_id, kind, state, columns=shown, look=look, wanted=wanted
    )
    context = {"kind": kind, "state": state, "count": count, "total": total, "calculated": calculated}
    return render(request, "crm/_calculations.html", context)


@require_POST
@member_required(MAIL)
def changes(request: WorkspaceRequest, plural: str) -> HttpResponse:
    """Fresh rows for a table on somebody's screen: `shown` are the ids of its rows in their order,
    `changed` those of which something is new."""
    kind = BY_PLURAL[plural]
    state = asked_state(request, kind)
    shown, changed = (_ids(request.POST.get(name, "")) for name in ("shown", "changed"))
    found = read_changes(request.member, kind, state, shown=shown, changed=changed, now=timezone.now())
    return render(request, "crm/_changed_rows.html", {"changes": found})


@require_safe
@member_required(MAIL)
def neighbours(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """The pager of a record: which come before and after it in the table it was opened from."""
    kind = BY_PLURAL[plural]
    find_record(request.member, kind, pk)
    state = asked_state(request, kind)
    look = look_of(request.member, now=timezone.now())
    context = {
        "kind": kind,
        "neighbours": find_neighbours(request.member, kind, state, pk, look),
        "number": read_id(request.GET.get("number", "")),
        "tab": tab_at(kind, request.GET.get("tab", "")),
    }
    return render(request, "crm/_pager.html", context)


@require_safe
@member_required(MAIL)
def export(request: WorkspaceRequest, plural: str) -> HttpResponseBase:
    """All records, or, where the address says how a table looks, that table. By id, unless it says how they
    are sorted."""
    kind, now = BY_PLURAL[plural], timezone.now()
    if not request.GET:
        return csv_file(request, f"{kind.plural}.csv", export_lines(request.member.workspace, kind, now=now))
    is_by_id = not {"sort", "view"} & request.GET.keys()
    lines = export_view(request.member, kind, asked_state(request, kind), is_by_id=is_by_id, now=now)
    return csv_file(request, f"{kind.plural}.csv", lines)


def asked_state(request: WorkspaceRequest, kind: RecordType) -> State:
    """What the address asks of the table. Raises BadState."""
    return _state(request.member, kind, request.GET)


def _state(member: Member, kind: RecordType, given: QueryDict) -> State:
    views = views_of(member, kind.name)
    return read_state(kind, given, views=views, remembered=member.table_columns.get(kind.name))


def arranged(request: WorkspaceRequest, kind: RecordType, query: str) -> HttpResponse:
    """The table in another arrangement, under its own address."""
    list_url = kind.list_url(request.member.workspace.slug)
    address = f"{list_url}?{query}"
    here = urlsplit(request.htmx.current_url or "").path
    if not request.htmx or (here and here != list_url):
        return leave_for(request, address)  # a menu as a page of its own: there is no table to change
    response = render_table(request, kind, _state(request.member, kind, QueryDict(query)))
    response["HX-Push-Url"] = address
    return response


def render_table(request: WorkspaceRequest, kind: RecordType, state: State) -> HttpResponse:
    member = request.member
    pages = asked_pages(request.GET.get("pages", "")) if state.after else 1
    template = _template(request, is_next_page=bool(state.after))
    is_counted = template != NEXT_ROWS
    table = build_table(member, kind, state, pages=pages, is_counted=is_counted, now=timezone.localtime())
    context = {
        "table": table,
        "kind": kind,
        "views": [(view, "") for view in views_of(member, kind.name)],
        "state": state,
        "groups": column_choices(kind, state),
        "keeps_view": state.view is not None and state.view.is_kept_by(member),
    }
    return render(request, template, context)


def _template(request: WorkspaceRequest, *, is_next_page: bool) -> str:
    if wants_part(request) and request.htmx.target != "main":
        return NEXT_ROWS if is_next_page else "crm/_view.html"
    return "crm/records.html"


def _places(text: str) -> int:
    if not re.fullmatch(r"-?[1-9][0-9]?", text):
        raise BadState("A column moves by so many places.")
    return int(text)


def _ids(text: str) -> list[int]:
    """`1,2,3`."""
    ids = [read_id(one) for one in text.split(",") if one]
    if len(ids) > MOST_SHOWN or None in ids:
        raise BadState("There are no such rows.")
    return [one for one in ids if one]
