"""What is done with the ticked rows of a table at once."""

from collections.abc import Callable
from itertools import chain, islice
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from crm.decorators import MAIL, NO_MAIL, WorkspaceRequest, member_required
from crm.edits.bulk import TakenBack, move_all, take_back, write_all
from crm.edits.changing import CannotEdit
from crm.edits.deleting import MOST_AT_ONCE, delete_records
from crm.edits.employers import company_called
from crm.exporting import export_view
from crm.models import BulkEdit
from crm.plain import PLAIN, plain_attribute
from crm.plurals import counted
from crm.records import BY_PLURAL, RECORD_TYPES, RecordType, read_id
from crm.tables.page import ids_in_order, look_of
from crm.views.csv_file import csv_file
from crm.views.deleting import table_seen, tell_deleted
from crm.views.dialogs import dialog, leave_for, page_before
from crm.views.tables import asked_state

# What is asked for is not changed yet: dialogs get what is ticked by POST, for it is too much for an address.
# They alone take all rows of a table, whose filters are about mail, and name them for what then is done.


@require_POST
@member_required(MAIL)
def deletion_form(request: WorkspaceRequest, plural: str) -> HttpResponse:
    return _ask(request, BY_PLURAL[plural], "crm/_bulk_deletion.html")


@require_POST
@member_required(NO_MAIL)
def deletion(request: WorkspaceRequest, plural: str) -> HttpResponse:
    kind, member = BY_PLURAL[plural], request.member

    def delete(ids: list[int]) -> None:
        kept = delete_records(kind, ids, workspace_id=member.workspace_id, by=member)
        what = _counted(kind, len(kept.contents["records"]) if kept else 0)
        tell_deleted(request, kept, what, is_in_table=True)

    return _do(request, kind, "crm/_bulk_deletion.html", delete)


@require_POST
@member_required(MAIL)
def company_form(request: WorkspaceRequest, plural: str) -> HttpResponse:
    return _ask(request, _people(plural), "crm/_bulk_company.html")


@require_POST
@member_required(NO_MAIL)
def company(request: WorkspaceRequest, plural: str) -> HttpResponse:
    kind, typed = _people(plural), request.POST.get("company", "")

    def move(ids: list[int]) -> None:
        with transaction.atomic():
            target = company_called(typed, by=request.member)
            edit = move_all(ids, target, by=request.member)
        where = f"to {target.name}" if target else "out of their companies"
        _tell_changed(request, edit, lambda people: f"Moved {people} {where}.")

    return _do(request, kind, "crm/_bulk_company.html", move)


@require_POST
@member_required(MAIL)
def attribute_form(request: WorkspaceRequest, plural: str) -> HttpResponse:
    return _ask(request, BY_PLURAL[plural], "crm/_bulk_attribute.html")


@require_POST
@member_required(NO_MAIL)
def attribute(request: WorkspaceRequest, plural: str) -> HttpResponse:
    kind = BY_PLURAL[plural]
    chosen = plain_attribute(kind.name, request.POST.get("attribute", ""))
    if chosen is None:
        raise BadRequest("There is no such attribute.")

    def write(ids: list[int]) -> None:
        edit = write_all(kind, ids, chosen, request.POST.get("value", ""), by=request.member)
        _tell_changed(request, edit, lambda records: f"{chosen.label} of {records} changed.")

    return _do(request, kind, "crm/_bulk_attribute.html", write)


@require_POST
@member_required(NO_MAIL)
def undoing(request: WorkspaceRequest, pk: int) -> HttpResponse:
    """Nobody else's change exists for a member; one that is forgotten is final."""
    edit = BulkEdit.objects.by(request.member).filter(pk=pk).first()
    if edit is None:
        raise Http404
    try:
        _tell_taken_back(request, take_back(edit, by=request.member, now=timezone.now()))
    except CannotEdit as error:
        messages.error(request, str(error))
    return leave_for(request, table_seen(request, RECORD_TYPES[edit.kind]))


@require_POST
@member_required(MAIL)
def export(request: WorkspaceRequest, plural: str) -> HttpResponseBase:
    """The ticked rows with the columns that the table shows."""
    kind = BY_PLURAL[plural]
    state = asked_state(request, kind)
    only = None if _is_for_all(request) else _ids(request)
    lines = export_view(request.member, kind, state, only=only, now=timezone.now())
    return csv_file(request, f"{kind.plural}.csv", lines)


def _people(plural: str) -> RecordType:
    kind = BY_PLURAL[plural]
    if kind.name != "person":
        raise BadRequest("Only people work for companies.")
    return kind


def _is_for_all(request: WorkspaceRequest) -> bool:
    """For every row of the table in the address, shown or not."""
    return "all" in request.POST


def _ids(request: WorkspaceRequest) -> list[int]:
    ids = [read_id(text) for text in dict.fromkeys(request.POST.getlist("record"))]
    if not ids or None in ids:
        raise BadRequest("Nothing is selected.")
    return [pk for pk in ids if pk]


def _ids_to_change(request: WorkspaceRequest) -> list[int]:
    ids = _ids(request)
    if len(ids) > MOST_AT_ONCE:
        raise CannotEdit(f"{len(ids)} are selected, and at most {MOST_AT_ONCE} can be changed at once.")
    return ids


def _all_ids(request: WorkspaceRequest, kind: RecordType) -> list[int]:
    state, look = asked_state(request, kind), look_of(request.member, now=timezone.now())
    batches = ids_in_order(request.member.workspace_id, kind, state, look)
    ids = list(islice(chain.from_iterable(batches), MOST_AT_ONCE + 1))
    if len(ids) > MOST_AT_ONCE:
        raise CannotEdit(f"At most {MOST_AT_ONCE} can be changed at once. Narrow the table with a filter.")
    return ids


def _ask(request: WorkspaceRequest, kind: RecordType, template: str, *, problem: str = "") -> HttpResponse:
    try:
        ids = _all_ids(request, kind) if _is_for_all(request) else _ids_to_change(request)
    except CannotEdit as error:
        ids, problem = [], str(error)
    back_url = _back(request, kind)
    context: dict[str, Any] = {
        "kind": kind,
        "ids": ids,
        "what": _counted(kind, len(ids)) if ids else kind.plural,
        "attributes": PLAIN[kind.name],
        "given": request.POST,
        "problem": problem,
    }
    return dialog(request, template, context, back_url=back_url)


def _do(
    request: WorkspaceRequest, kind: RecordType, template: str, change: Callable[[list[int]], None]
) -> HttpResponse:
    try:
        change(_ids_to_change(request))
    except CannotEdit as error:
        return _ask(request, kind, template, problem=str(error))
    return leave_for(request, _back(request, kind))


def _tell_changed(request: WorkspaceRequest, edit: BulkEdit | None, said: Callable[[str], str]) -> None:
    """A toast that offers to undo it."""
    if edit is None:
        messages.info(request, "Nothing to change: that is what they have already.")
        return
    url = f"/{request.member.workspace.slug}/edits/{edit.pk}/undoing/"
    changed = _counted(RECORD_TYPES[edit.kind], len(edit.before))
    messages.success(request, said(changed), extra_tags=f"Undo {url}")


def _tell_taken_back(request: WorkspaceRequest, taken: TakenBack | None) -> None:
    if taken is None:
        messages.info(request, "That has been taken back already.")
        return
    done = f"Taken back for {_counted(taken.kind, taken.count)}."
    if taken.changed_since:
        others = _counted(taken.kind, taken.changed_since)
        messages.warning(request, f"{done} {others.capitalize()} stayed: changed again since, or gone.")
    else:
        messages.success(request, done)


def _back(request: WorkspaceRequest, kind: RecordType) -> str:
    """The table as it was, with its sort and filters, by the address that it has where somebody is in it."""
    list_url = kind.list_url(request.member.workspace.slug)
    here, kept = page_before(request, ""), request.POST.get("back", "")
    is_kept = kept.startswith("/") and url_has_allowed_host_and_scheme(kept, None)
    return kept if is_kept and urlsplit(here).path != list_url else here or list_url


def _counted(kind: RecordType, count: int) -> str:
    return counted(count, kind.name, kind.plural)
