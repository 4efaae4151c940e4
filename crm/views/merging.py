"""Merging a record with another of its kind: find it, see what happens, confirm."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from crm.decorators import MAIL, NO_MAIL, WorkspaceRequest, member_required
from crm.edits import merging as verbs
from crm.edits.changing import CannotEdit, Record, kind_of
from crm.records import BY_PLURAL, find_record
from crm.views.dialogs import dialog, leave_for


@require_safe
@member_required(NO_MAIL)
def form(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """`q` is a part of the other one's name, domain or address."""
    kind = BY_PLURAL[plural]
    record = find_record(request.member, kind, pk)
    text = request.GET.get("q", "")
    context = {"kind": kind, "record": record, "text": text, "found": verbs.candidates(record, text)}
    if request.htmx and request.htmx.target == "merge-found":
        return render(request, "crm/_merge_found.html", context)
    back_url = kind.url(request.member.workspace.slug, pk)
    return dialog(request, "crm/_merge.html", context, back_url=back_url)


@require_safe
@member_required(MAIL)
def preview(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    record = find_record(request.member, BY_PLURAL[plural], pk)
    return _show(request, record, _other(record, plural, request.GET.get("with", "")))


@require_POST
@member_required(MAIL)
def merging(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """The record of the address stays; `name` says whose name does."""
    kind = BY_PLURAL[plural]
    record = find_record(request.member, kind, pk)
    other = _other(record, plural, request.POST.get("with", ""))
    gone, kept = other.name, record.name
    name = gone if request.POST.get("name") == "other" else ""
    try:
        verbs.merge(other, record, by=request.member, name=name)
    except CannotEdit as error:
        return _show(request, record, other, problem=str(error))
    messages.success(request, f"{gone} is part of {kept} now.")
    return leave_for(request, kind.url(request.member.workspace.slug, pk))


def _other(record: Record, plural: str, text: str) -> Record:
    other = verbs.other_of(BY_PLURAL[plural], record, text)
    if other is None:
        raise BadRequest("There is no such record to merge with.")
    return other


def _show(request: WorkspaceRequest, record: Record, other: Record, *, problem: str = "") -> HttpResponse:
    kind = kind_of(record)
    context = {
        "kind": kind,
        "record": record,
        "other": other,
        "preview": verbs.preview(other, record),
        "problem": problem,
    }
    back_url = kind.url(request.member.workspace.slug, record.pk)
    return dialog(request, "crm/_merge_preview.html", context, back_url=back_url)
