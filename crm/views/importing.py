"""Importing companies and people from a file: upload it, say what its columns are, see what will happen,
and follow it happening."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import tasks
from crm.decorators import NO_MAIL, WorkspaceRequest, member_required, wants_part
from crm.exporting import defused
from crm.importing import files
from crm.importing.mapping import guess, ignored_smart, problem_of, read_choice, targets
from crm.importing.planning import CREATED, REFUSED, UNCHANGED, UPDATED
from crm.importing.progress import Progress
from crm.importing.running import begin, foresee, tally
from crm.importing.tabular import MOST_BYTES, TOO_LARGE, Sheet, Unreadable, read_sheet
from crm.models import ImportState, RecordImport
from crm.records import BY_PLURAL, RecordType
from crm.room import NoRoom
from crm.views.csv_file import csv_file
from crm.views.dialogs import go_to, leave_for

PREVIEWED_ROWS = 5
SHOWN_PROBLEMS = SHOWN_UPDATES = 100


@require_http_methods(["GET", "HEAD", "POST"])
@member_required(NO_MAIL)
def upload(request: WorkspaceRequest, plural: str) -> HttpResponse:
    kind = BY_PLURAL[plural]
    if request.method != "POST":
        return _show_upload(request, kind)
    try:
        job = _take(request, kind)
    except (Unreadable, NoRoom) as error:
        return _show_upload(request, kind, problem=str(error))
    return redirect("crm:import_job", request.member.workspace.slug, plural, job.pk)


def _take(request: WorkspaceRequest, kind: RecordType) -> RecordImport:
    """Raises Unreadable or NoRoom."""
    raw, name = _received(request)
    sheet = read_sheet(raw)
    with transaction.atomic():
        job = RecordImport.objects.create(
            workspace_id=request.member.workspace_id,
            member=request.member,
            kind=kind.name,
            file_name=name,
            columns=guess(kind, sheet.header),
            row_count=len(sheet.lines),
        )
        files.keep(job, raw)
    return job


@require_safe
@member_required(NO_MAIL)
def job(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """What the columns are while that can be said, then how far it is, then what became of it."""
    kind, found = BY_PLURAL[plural], _find(request, plural, pk)
    if found.state == ImportState.DRAFT:
        return _show_mapping(request, kind, found)
    context = {"kind": kind, "job": found, "progress": Progress.of(found)}
    context["problems"] = list(found.refused.order_by("line").values_list("line", "reason")[:SHOWN_PROBLEMS])
    return render(
        request, "crm/_import_state.html" if wants_part(request) else "crm/import_job.html", context
    )


@require_POST
@member_required(NO_MAIL)
def mapping(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """`column` says what each column is, in their order."""
    kind, found = BY_PLURAL[plural], _find(request, plural, pk)
    found.columns = read_choice(kind, request.POST.getlist("column"), len(found.columns))
    # Not under an import that has begun meanwhile.
    if not RecordImport.objects.filter(pk=found.pk, state=ImportState.DRAFT).update(columns=found.columns):
        return go_to(request, "crm:import_job", plural, pk)
    if request.htmx:
        return _show_mapping(request, kind, found)
    return redirect("crm:import_job", request.member.workspace.slug, plural, pk)


@require_POST
@member_required(NO_MAIL)
def start(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    kind, found = BY_PLURAL[plural], _find(request, plural, pk)
    if problem_of(kind, found.columns):
        raise BadRequest("No column of this file says which records it is about.")
    with transaction.atomic():
        if begin(found, by=request.member, row_count=found.row_count):
            transaction.on_commit(lambda: tasks.run_import.delay(found.pk))
    return go_to(request, "crm:import_job", plural, pk)


@require_POST
@member_required(NO_MAIL)
def removal(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """One that has not begun is thrown away."""
    found = _find(request, plural, pk)
    if RecordImport.objects.filter(pk=found.pk, state=ImportState.DRAFT).delete()[0]:
        files.forget(found)
        messages.info(request, "Nothing was imported, and the file is deleted.")
    return leave_for(request, BY_PLURAL[plural].list_url(request.member.workspace.slug))


@require_safe
@member_required(NO_MAIL)
def problems(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponseBase:
    """The refused rows as they were, with the reason before them."""
    found = _find(request, plural, pk)
    return csv_file(request, f"{plural}-not-imported.csv", _problem_lines(found))


def _problem_lines(found: RecordImport) -> Iterator[list[str]]:
    yield ["line", "reason", *found.columns]
    for one in found.refused.order_by("line").iterator():
        yield [str(one.line), *(defused(cell) for cell in [one.reason, *one.cells])]


def _find(request: WorkspaceRequest, plural: str, pk: int) -> RecordImport:
    """A member's own, of this kind."""
    own = RecordImport.objects.of(request.member).select_related("member")
    return get_object_or_404(own, pk=pk, kind=BY_PLURAL[plural].name)


def _received(request: WorkspaceRequest) -> tuple[bytes, str]:
    given = request.FILES.get("file")
    if not isinstance(given, UploadedFile):
        raise Unreadable("Choose a file first.")
    if (given.size or 0) > MOST_BYTES:
        raise Unreadable(TOO_LARGE)
    return given.read(), str(given.name or "file.csv")[:200]


def _show_upload(request: WorkspaceRequest, kind: RecordType, *, problem: str = "") -> HttpResponse:
    running = RecordImport.objects.of(request.member).filter(kind=kind.name).order_by("-pk")[:5]
    context = {"kind": kind, "problem": problem, "earlier": running, "targets": targets(kind).values()}
    return render(request, "crm/import_upload.html", context)


def _show_mapping(request: WorkspaceRequest, kind: RecordType, found: RecordImport) -> HttpResponse:
    try:
        sheet = read_sheet(files.read(found))
    except FileNotFoundError:
        return _show_upload(request, kind, problem=files.GONE)
    context = {"kind": kind, "job": found, **_forecast(kind, found, sheet)}
    template = "crm/_import_mapping.html" if request.htmx else "crm/import_mapping.html"
    return render(request, template, context)


def _forecast(kind: RecordType, found: RecordImport, sheet: Sheet) -> dict[str, Any]:
    problem = problem_of(kind, found.columns)
    outcomes = [] if problem else foresee(found, sheet)
    counts = tally(outcomes)
    previewed = [line.cells for line in sheet.lines[:PREVIEWED_ROWS]]
    updates = [one for one in outcomes if one.what == UPDATED]
    columns = zip(sheet.header, found.columns, zip(*previewed, strict=True), strict=True)
    return {
        "columns": [{"title": title, "chosen": chosen, "cells": cells} for title, chosen, cells in columns],
        "targets": targets(kind),
        "smart": ignored_smart(kind, sheet.header),
        "problem": problem,
        "created": counts[CREATED],
        "updated": counts[UPDATED],
        "unchanged": counts[UNCHANGED],
        "refused": counts[REFUSED],
        "updates": updates[:SHOWN_UPDATES],
        "replaced": sum(bool(change.before) for one in updates for change in one.changes),
        "problems": [(one.entry.line, one.reason) for one in outcomes if one.reason][:SHOWN_PROBLEMS],
    }
