"""The past twelve months of a record as a small chart: a bar for each week, drawn here because a
template cannot measure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from crm import moments
from crm.plurals import counted
from crm.regional import day_words
from intelligence.recordkinds import RecordKind
from intelligence.tallies import Span, Tally, tally

WEEKS = 52
WEEK = timedelta(days=7)

# In the chart's own units: the distance between bars, how high they may be, and one of anything.
STEP, HEIGHT, UNIT, GAP = 6, 46.0, 4.3, 1.5
# So far to the right that a month's name would run into the last label.
LAST_LABEL = 276


@dataclass(frozen=True, slots=True)
class Bar:
    """A week: emails below, meetings above."""

    x: int
    monday: date
    tally: Tally
    unit: float

    @property
    def title(self) -> str:
        emails, meetings = self.tally.emails, self.tally.meetings
        return f"Week of {self.week}: {counted(emails, 'email')}, {counted(meetings, 'meeting')}"

    @property
    def week(self) -> str:
        return day_words(self.monday, with_year=True)

    @property
    def mail_height(self) -> str:
        return f"{self._mail:.1f}"

    @property
    def mail_y(self) -> str:
        return f"{HEIGHT - self._mail:.1f}"

    @property
    def cal_height(self) -> str:
        return f"{self._meetings:.1f}"

    @property
    def cal_y(self) -> str:
        return f"{HEIGHT - self._mail - GAP - self._meetings:.1f}"

    @property
    def _mail(self) -> float:
        return max(self.tally.emails * self.unit, 1.0) if self.tally.emails else 0.0

    @property
    def _meetings(self) -> float:
        return self.tally.meetings * self.unit + 1.0 if self.tally.meetings else 0.0


@dataclass(frozen=True, slots=True)
class Label:
    x: int
    words: str


@dataclass(frozen=True, slots=True)
class Pulse:
    bars: Sequence[Bar]
    labels: Sequence[Label]
    emails: int
    meetings: int

    @property
    def told(self) -> str:
        return f"{counted(self.emails, 'email')} and {counted(self.meetings, 'meeting')}"


def read_pulse(kind: RecordKind, record_id: int, *, workspace_id: int, now: datetime) -> Pulse:
    """Up to and with this week. One statement."""
    today = moments.day_of(now)
    monday = today - timedelta(days=today.weekday())
    weeks: list[Span] = [(one, one + WEEK) for one in (monday - n * WEEK for n in reversed(range(WEEKS)))]
    found = tally(kind, record_id, weeks, workspace_id=workspace_id, now=now)
    tallies = [found[week] for week in weeks]
    unit = _unit(tallies)
    return Pulse(
        bars=[
            Bar(n * STEP, first, one, unit)
            for n, ((first, _), one) in enumerate(zip(weeks, tallies, strict=True))
        ],
        labels=_labels([first for first, _ in weeks], today),
        emails=sum(one.emails for one in tallies),
        meetings=sum(one.meetings for one in tallies),
    )


def _unit(tallies: Sequence[Tally]) -> float:
    """The busiest week still fits."""
    busiest = max(one.emails + one.meetings for one in tallies)
    return min(UNIT, (HEIGHT - GAP - 1.0) / busiest) if busiest else UNIT


def _labels(mondays: Sequence[date], today: date) -> list[Label]:
    """Every third month, counted back from the one after this."""
    firsts: dict[tuple[int, int], int] = {}
    for number, monday in enumerate(mondays):
        firsts.setdefault((monday.year, monday.month), number)
    return [
        Label(max(number, 1) * STEP, f"{mondays[number]:%b}")
        for (_, month), number in firsts.items()
        if (month - today.month) % 3 == 1 and number * STEP < LAST_LABEL
    ]
