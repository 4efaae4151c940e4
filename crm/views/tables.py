"""The companies and people tables, and their export."""

import csv
from typing import Any

from django.http import HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from crm.decorators import MAIL, WorkspaceRequest, member_required
from crm.exporting import export_lines
from crm.records import BY_PLURAL, RecordType
from crm.tables import BadState, build_table, choose_column, column_choices, read_state, shown_columns


@require_GET
@member_required(MAIL)
def records(request: WorkspaceRequest, plural: str) -> HttpResponse:
    kind = BY_PLURAL[plural]
    try:
        state = read_state(kind, request.GET)
    except BadState as error:
        return HttpResponseBadRequest(str(error))
    return _render_table(request, kind, state)


@require_POST
@member_required(MAIL)
def columns(request: WorkspaceRequest, plural: str) -> HttpResponse:
    """Show or hide a column: `column` names it, `shown` is 1 or 0."""
    kind = BY_PLURAL[plural]
    try:
        choose_column(
            request.member, kind, request.POST.get("column", ""), is_shown=request.POST.get("shown") == "1"
        )
        state = read_state(kind, request.GET)
    except BadState as error:
        return HttpResponseBadRequest(str(error))
    if not request.htmx:
        return redirect(kind.list_url(request.member.workspace.slug))
    return _render_table(request, kind, state)


@require_GET
@member_required(MAIL)
def export(request: WorkspaceRequest, plural: str) -> StreamingHttpResponse:
    kind = BY_PLURAL[plural]
    writer = csv.writer(_Echo())
    lines = export_lines(request.member.workspace, kind, now=timezone.now())
    response = StreamingHttpResponse(
        (writer.writerow(line) for line in lines), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{kind.plural}.csv"'
    return response


class _Echo:
    """What a csv writer writes, handed on instead of kept."""

    def write(self, line: str) -> str:
        return line


def _render_table(request: WorkspaceRequest, kind: RecordType, state: Any) -> HttpResponse:
    member = request.member
    shown = shown_columns(kind, member.table_columns.get(kind.name))
    table = build_table(member, kind, state, columns=shown, now=timezone.localtime())
    context = {"table": table, "kind": kind, "groups": column_choices(kind, shown)}
    return render(request, _template(request, is_next_page=bool(state.after)), context)


def _template(request: WorkspaceRequest, *, is_next_page: bool) -> str:
    if request.htmx and not request.htmx.history_restore_request:
        return "crm/_next_rows.html" if is_next_page else "crm/_view.html"
    return "crm/records.html"
