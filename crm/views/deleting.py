"""Deleting a record, and taking a deletion back."""

from urllib.parse import urlsplit

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

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
    return leave_for(request, kind.list_url(request.member.workspace.slug))


@require_GET
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
    """Nobody else's deletion exists for a member; one that is forgotten is final."""
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
    is_single = len(restored.ids) == 1
    return leave_for(request, kind.url(slug, restored.ids[0]) if is_single else table_seen(request, kind))


def table_seen(request: WorkspaceRequest, kind: RecordType) -> str:
    """As somebody has just seen it, where he is still there."""
    url = kind.list_url(request.member.workspace.slug)
    here = urlsplit(request.htmx.current_url or request.headers.get("Referer", ""))
    return f"{url}?{here.query}" if here.path == url and here.query else url


def tell_deleted(request: WorkspaceRequest, kept: Deletion | None, what: str) -> None:
    """A toast that offers to undo it. Where there was nothing left to delete, nobody need know."""
    if kept:
        url = f"/{request.member.workspace.slug}/deletions/{kept.pk}/undoing/"
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
