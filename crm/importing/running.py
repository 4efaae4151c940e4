"""An import from its first row to its last: batch by batch, each in one transaction with the count of what
is done, so that it can stop anywhere and go on."""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from crm.auditing import audit
from crm.edits.changing import changing
from crm.importing import files
from crm.importing.mapping import entry
from crm.importing.planning import CREATED, REFUSED, UNCHANGED, UPDATED, Outcome, Planner
from crm.importing.storing import store
from crm.importing.tabular import Line, Sheet, Unreadable, read_sheet
from crm.live import announce
from crm.models import ImportState, Member, RecordImport, RefusedRow
from crm.records import PERSON, RECORD_TYPES

BATCH_ROWS = 500
# A task of its own goes on after this long, well below what a worker allows one.
SLICE_SECONDS = 120
STALLED_AFTER = timedelta(minutes=10)
LEFT = "Whoever began it is no member any more."


def foresee(job: RecordImport, sheet: Sheet) -> list[Outcome]:
    """What importing every row would do, without doing it."""
    kind = RECORD_TYPES[job.kind]
    planner = Planner(kind, job.workspace_id)
    outcomes: list[Outcome] = []
    for start in range(0, len(sheet.lines), BATCH_ROWS):
        lines = sheet.lines[start : start + BATCH_ROWS]
        outcomes += planner.plan([entry(kind, job.columns, line) for line in lines])
    return outcomes


def begin(job: RecordImport, *, by: Member, row_count: int) -> bool:
    """Returns whether it began just now. Safe to call twice."""
    if job.member_id != by.pk or not by.is_active:
        raise PermissionDenied
    drafts = RecordImport.objects.filter(pk=job.pk, state=ImportState.DRAFT)
    now = timezone.now()
    began = drafts.update(state=ImportState.RUNNING, row_count=row_count, started_at=now, changed_at=now)
    return bool(began)


def run(job_id: int) -> bool:
    """Returns whether there is more to do. Safe to call twice, and at once."""
    job = RecordImport.objects.filter(pk=job_id, state=ImportState.RUNNING).first()
    if job is None:
        return False
    try:
        sheet = read_sheet(files.read(job))
        ends = time.monotonic() + SLICE_SECONDS
        while _batch(job_id, sheet):
            if time.monotonic() > ends:
                return True
    except FileNotFoundError:
        _fail(job_id, files.GONE)
    except Unreadable as error:
        _fail(job_id, str(error))
    except PermissionDenied:
        _fail(job_id, LEFT)
    return False


def stalled(*, now: datetime) -> list[int]:
    """Imports that have not moved for a while."""
    waiting = RecordImport.objects.filter(state=ImportState.RUNNING, changed_at__lt=now - STALLED_AFTER)
    return list(waiting.values_list("pk", flat=True))


def _batch(job_id: int, sheet: Sheet) -> bool:
    """Returns whether there may be another."""
    with transaction.atomic():
        job = _running(job_id)
        if job is None:
            return False
        lines = sheet.lines[job.done_count : job.done_count + BATCH_ROWS]
        if lines:
            _count(job, _carry_out(job, lines))
        else:
            _finish(job)
        job.save()
        announce(job.workspace_id, topics=["import"])
    if job.state == ImportState.DONE:
        files.forget(job)
    return job.state == ImportState.RUNNING


def _running(job_id: int) -> RecordImport | None:
    """Locked, unless it has ended. The member's row is left to others: what they commit meanwhile may point
    to it."""
    rows = RecordImport.objects.select_for_update(of=("self",), no_key=True).select_related("member")
    return rows.filter(pk=job_id, state=ImportState.RUNNING).first()


def _carry_out(job: RecordImport, lines: Sequence[Line]) -> list[Outcome]:
    kind = RECORD_TYPES[job.kind]
    with changing(job.workspace_id, job.member) as touched:
        planner = Planner(kind, job.workspace_id)
        outcomes = planner.plan([entry(kind, job.columns, line) for line in lines])
        if kind is PERSON:
            store(planner.companies, touched)
        store(planner.records, touched)
    return outcomes


def _count(job: RecordImport, outcomes: Sequence[Outcome]) -> None:
    counts = tally(outcomes)
    job.done_count += len(outcomes)
    job.created_count += counts[CREATED]
    job.updated_count += counts[UPDATED]
    job.unchanged_count += counts[UNCHANGED]
    job.refused_count += counts[REFUSED]
    RefusedRow.objects.bulk_create(
        RefusedRow(
            workspace_id=job.workspace_id,
            record_import=job,
            line=one.entry.line,
            reason=one.reason,
            cells=list(one.entry.cells),
        )
        for one in outcomes
        if one.reason
    )


def tally(outcomes: Iterable[Outcome]) -> Counter[str]:
    return Counter(one.what for one in outcomes)


def _finish(job: RecordImport) -> None:
    job.state, job.finished_at = ImportState.DONE, timezone.now()
    audit(
        "records_imported",
        by=job.member,
        kind=job.kind,
        record_import=job.pk,
        created=job.created_count,
        updated=job.updated_count,
    )


def _fail(job_id: int, reason: str) -> None:
    """Unless another run has ended it meanwhile, with the file."""
    with transaction.atomic():
        job = _running(job_id)
        if job is None:
            return
        job.state, job.finished_at, job.failure = ImportState.FAILED, timezone.now(), reason
        job.save()
        announce(job.workspace_id, topics=["import"])
    files.forget(job)
