"""How far an import is, in words and numbers."""

from dataclasses import dataclass

from django.utils import timezone

from crm.estimating import time_left
from crm.models import RecordImport


@dataclass(frozen=True, slots=True)
class Progress:
    percent: int
    left: str

    @classmethod
    def of(cls, job: RecordImport) -> "Progress":
        share = job.done_count / job.row_count if job.row_count else 0
        return cls(round(100 * share), time_left(share, job.started_at, timezone.now()))
