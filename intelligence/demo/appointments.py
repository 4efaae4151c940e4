"""A meeting as a plain value, with what happened to single occurrences of it."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from intelligence.demo.cast import Someone

ACCEPTED, DECLINED, TENTATIVE, WAITING = "ACCEPTED", "DECLINED", "TENTATIVE", "NEEDS-ACTION"


@dataclass(frozen=True, slots=True)
class Change:
    """What is different about the occurrence that was to begin then. A later start moves it;
    `absent` are people who declined this one only."""

    original: datetime
    start: datetime
    is_cancelled: bool = False
    absent: tuple[Someone, ...] = ()
    title: str = ""


@dataclass(slots=True, eq=False)
class Appointment:
    """Times are in UTC; a series repeats every so many weeks by the organiser's clock up to the end
    of `until`. `answers` are the attendees' without the organiser's."""

    uid: str
    title: str
    description: str
    organiser: Someone
    answers: dict[Someone, str]
    start: datetime
    minutes: int
    created: datetime
    weeks: int = 0
    until: date | None = None
    skipped: list[datetime] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    room: str = ""
    video: str = ""
    location: str = ""
    status: str = "CONFIRMED"
    sequence: int = 0
    whole_days: int = 0
    is_private: bool = False

    @property
    def people(self) -> tuple[Someone, ...]:
        return (self.organiser, *self.answers)

    @property
    def length(self) -> timedelta:
        return timedelta(minutes=self.minutes)
