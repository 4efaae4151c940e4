"""Deleting a record, and taking a deletion back."""

from urllib.parse import urlsplit

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from crm.decorators import NO_MAIL, WorkspaceRequest, member_required, wants_part
from crm.edits.changing import CannotEdit
from crm.edits.deleting import delete_records
from crm.edits.recent import recent
from crm.edits.undoing import Restored, undo
from crm.models import Deletion
from crm.records import BY_PLURAL, RECORD_TYPES, RecordType, find_record
from crm.views.dialogs import leave_for


@require_POST
@member_required(NO_MAIL)
def deletion(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    kind = BY_PLURAL[plural]
    record = find_record(request.member, kind, pk)
    kept = delete_records(kind, [pk], workspace_id=record.workspace_id, by=request.member)
    tell_deleted(request, kept, record.name)
    return leave_for(request, _table_before(request, kind))


@require_safe
@member_required(NO_MAIL)
def recently(request: WorkspaceRequest) -> HttpResponse:
    """What can still be taken back, when the toast that offered it is gone."""
    done = recent(request.member, now=timezone.now())
    if wants_part(request):
        return render(request, "crm/_recent.html", {"done": done})
    context = {"done": done, "dialog_template": "crm/_recent.html"}
    return render(request, "crm/dialog_page.html", context)


@require_POST
@member_required(NO_MAIL)
def undoing(request: WorkspaceRequest, pk: int) -> HttpResponse:
    """Nobody else's deletion exists for a member; one that is forgotten is final. `?table`: it was made in
    the table, and there one stays."""
    slug = request.member.workspace.slug
    kept = Deletion.objects.by(request.member).filter(pk=pk).first()
    if kept is None:
        raise Http404
    kind = RECORD_TYPES[kept.kind]
    try:
        restored = undo(kept, by=request.member, now=timezone.now())
    except CannotEdit as error:
        messages.error(request, str(error))
        return leave_for(request, kind.list_url(slug))
    _tell_restored(request, restored)
    leads_to_record = len(restored.ids) == 1 and "table" not in request.GET
    return leave_for(
        request, kind.url(slug, restored.ids[0]) if leads_to_record else table_seen(request, kind)
    )


def table_seen(request: WorkspaceRequest, kind: RecordType) -> str:
    """As somebody has just seen it, where he is still there."""
    return _table_at(request, kind, request.htmx.current_url or request.headers.get("Referer", ""))


def _table_before(request: WorkspaceRequest, kind: RecordType) -> str:
    """The one the record was opened from, which its page knows (`back`)."""
    back = request.POST.get("back", "")
    return _table_at(request, kind, back if back.startswith(f"/{request.member.workspace.slug}/") else "")


def _table_at(request: WorkspaceRequest, kind: RecordType, address: str) -> str:
    """The table of these records with the filters of an address, which may be anything: nothing else of it
    is gone by."""
    url = kind.list_url(request.member.workspace.slug)
    try:
        there = urlsplit(address)
    except ValueError:
        return url
    return f"{url}?{there.query}" if there.path == url and there.query else url


def tell_deleted(
    request: WorkspaceRequest, kept: Deletion | None, what: str, *, is_in_table: bool = False
) -> None:
    """A toast that offers to undo it. Where there was nothing left to delete, nobody need know."""
    if kept:
        where = "?table" if is_in_table else ""
        url = f"/{request.member.workspace.slug}/deletions/{kept.pk}/undoing/{where}"
        messages.success(request, f"Deleted {what}.", extra_tags=f"Undo {url}")


def _tell_restored(request: WorkspaceRequest, restored: Restored) -> None:
    count = len(restored.ids)
    what = f"{restored.names[0]} is back." if count == 1 else f"{count} {restored.kind.plural} are back."
    if not restored.missing:
        messages.success(request, what)
        return
    missing = ", ".join(restored.missing[:5])
    rest = len(restored.missing) - 5
    more = f" and {rest} more" if rest > 0 else ""
    messages.warning(request, f"{what} Without {missing}{more}: somebody else’s by now.")
