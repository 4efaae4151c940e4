"""How far an import is, in words and numbers."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from crm.models import RecordImport

_TOO_EARLY = 2  # seconds before anything is said of the end


@dataclass(frozen=True, slots=True)
class Progress:
    percent: int
    left: str

    @classmethod
    def of(cls, job: RecordImport) -> "Progress":
        share = job.done_count / job.row_count if job.row_count else 0
        return cls(round(100 * share), _left(share, job.started_at, timezone.now()))


def _left(share: float, began: datetime | None, now: datetime) -> str:
    seconds = (now - began).total_seconds() if began else 0
    if not share or seconds < _TOO_EARLY:
        return ""
    rest = seconds / share * (1 - share)
    if rest < 60:
        return "less than a minute left"
    minutes = round(rest / 60)
    return f"about {minutes} minute{'s' if minutes > 1 else ''} left"
