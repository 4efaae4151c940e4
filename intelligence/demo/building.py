"""The whole demo for a day: everybody's mail and calendar."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from intelligence.demo import strangers
from intelligence.demo.appointments import Appointment
from intelligence.demo.calendars import calendar
from intelligence.demo.cast import Company, Someone, companies, members
from intelligence.demo.conversations import Conversation, Told
from intelligence.demo.dice import Dice
from intelligence.demo.hours import Hours, at
from intelligence.demo.invitations import invitations
from intelligence.demo.letters import delivered, stored
from intelligence.demo.meetings import Diary
from intelligence.demo.messages import Message

SLUG, NAME = "halyard", "Halyard Studio"
OPENS = time(9, tzinfo=UTC)
_DAYS = 730
_FRESH = 34
_INVITED_BY_MAIL = 0.45
_AWAY = 0.012


@dataclass(frozen=True, slots=True)
class Stage:
    """How it goes with companies of a kind. `began` and `ended` are days ago, `pace` the days
    between two threads, `weeks` between two meetings (0: no series), `single` the days between
    single meetings (0: none)."""

    audiences: tuple[str, ...]
    people: tuple[int, int]
    began: tuple[int, int]
    ended: tuple[int, int]
    pace: float
    weeks: int
    single: int


STAGES = {
    "weekly": Stage(("client",), (11, 13), (470, 725), (0, 0), 7.0, 1, 60),
    "fortnightly": Stage(("client",), (7, 9), (330, 720), (0, 0), 13.0, 2, 80),
    "monthly": Stage(("client",), (4, 6), (240, 715), (0, 45), 27.0, 4, 110),
    "prospect": Stage(("prospect",), (2, 4), (14, 210), (0, 70), 16.0, 0, 45),
    "dormant": Stage(("client", "client", "client", "dormant"), (3, 5), (460, 725), (50, 330), 15.0, 4, 70),
    "supplier": Stage(("supplier",), (2, 4), (500, 725), (0, 40), 25.0, 0, 200),
    "silent": Stage(("silent",), (2, 2), (20, 640), (0, 0), 0.0, 0, 0),
}


@dataclass(frozen=True, slots=True)
class Letter:
    """One message as it lies in a mailbox."""

    id: str
    at: datetime
    sender: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Account:
    """A member with what his mailbox and calendar hold. Mail is oldest first; calendars are whole
    iCalendar texts."""

    member: Someone
    mail: tuple[Letter, ...]
    calendars: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Demo:
    """`companies` are those that become records."""

    day: date
    now: datetime
    companies: tuple[Company, ...]
    accounts: tuple[Account, ...]

    @property
    def people(self) -> list[Someone]:
        return [one for company in self.companies for one in company.people]


def build(day: date, *, now: datetime | None = None, scale: float = 1.0) -> Demo:
    """What has happened by `now`, nine o'clock UTC if not said; a later moment of the same day only
    adds to it. `scale` below 1 makes a smaller one with fewer companies."""
    now = now or datetime.combine(day, OPENS)
    world = _World(day, every=max(round(1 / scale), 1))
    appointments = list(world.appointments())
    messages = sorted(
        (one for one in world.messages(appointments) if one.at < now), key=lambda one: (one.at, one.token)
    )
    accounts = tuple(
        _account(member, messages, [one for one in appointments if one.created < now], now)
        for member in members()
    )
    return Demo(day, now, tuple(world.companies), accounts)


class _World:
    def __init__(self, day: date, *, every: int) -> None:
        self.day, self.every = day, every
        self.hours = Hours(day)
        self.told = Told()
        sizes = {name: stage.people for name, stage in STAGES.items()}
        self.companies = companies(Dice(SLUG), sizes=sizes, every=every)
        self.spans = {company.domain: self._span(company) for company in self.companies}

    def _dice(self, *names: object) -> Dice:
        return Dice(self.day.isoformat(), *names)

    def _span(self, company: Company) -> tuple[date, date]:
        """The first and the last day on which there is something to talk about."""
        dice, stage = self._dice("span", company.domain), STAGES[company.stage]
        began, ended = dice.whole(*stage.began), dice.whole(*stage.ended)
        return self.day - timedelta(days=began), self.day - timedelta(days=ended)

    # Mail

    def messages(self, appointments: list[Appointment]) -> Iterator[Message]:
        for company in self.companies:
            yield from self._with_absences(self._threads(company))
        yield from self._fresh()
        yield from self._calendar_mail(appointments)
        yield from self._everything_else()

    def _threads(self, company: Company) -> Iterator[Message]:
        dice = self._dice("mail", company.domain)
        for number, start in enumerate(self._starts(company, dice)):
            audience = dice.pick(STAGES[company.stage].audiences) if number else company_opening(company)
            talk = Conversation(company, start, dice=dice, hours=self.hours, told=self.told)
            yield from talk.play(audience)

    def _starts(self, company: Company, dice: Dice) -> Iterator[datetime]:
        first, last = self.spans[company.domain]
        pace = STAGES[company.stage].pace
        day, zone = first, company.team[0].zone
        yield at(self.hours.next_open(day), zone, dice.between(500, 700))
        while pace and (day := day + timedelta(days=dice.whole(1, max(round(2 * pace) - 1, 1)))) <= last:
            yield at(self.hours.next_open(day), zone, dice.between(490, 1050))
        if not pace and dice.chance(0.5):
            yield at(self.hours.next_open(first + timedelta(days=14)), zone, dice.between(500, 900))

    def _fresh(self) -> Iterator[Message]:
        """Threads of today and the working day before, so that the first page is alive."""
        dice = self._dice("fresh")
        busy = [one for one in self.companies if one.stage in {"weekly", "fortnightly", "monthly"}]
        yesterday = self.hours.last_open(self.day - timedelta(days=1))
        for number, company in enumerate(dice.some(busy, max(_FRESH // self.every, 4))):
            day = self.day if number % 4 else yesterday
            start = at(day, dice.pick(company.team[:2]).zone, dice.between(485, 900))
            talk = Conversation(company, start, dice=dice, hours=self.hours, told=self.told)
            yield from talk.play(STAGES[company.stage].audiences[0], brisk=True)

    def _with_absences(self, messages: Iterator[Message]) -> Iterator[Message]:
        dice = self._dice("away")
        for one in messages:
            yield one
            yield from strangers.absences(one, dice, chance=_AWAY)

    def _calendar_mail(self, appointments: list[Appointment]) -> Iterator[Message]:
        for number, one in enumerate(appointments):
            dice = self._dice("invitation", number)
            if one.answers and not one.is_private and dice.chance(_INVITED_BY_MAIL):
                yield from invitations(one, dice, self.hours)

    def _everything_else(self) -> Iterator[Message]:
        day, hours, said, share = self.day, self.hours, self.told, self.every
        yield from strangers.newsletters(day, self._dice("newsletters"), days=_DAYS // share)
        yield from strangers.machines(day, self._dice("machines"), count=160 // share, days=_DAYS)
        yield from strangers.list_posts(
            self.companies, day, self._dice("list"), count=90 // share, days=_DAYS
        )
        yield from strangers.bounces(day, self._dice("bounces"), count=12 // share, days=_DAYS)
        yield from strangers.cold_letters(
            day, self._dice("cold"), hours, said=said, count=110 // share, days=_DAYS
        )
        yield from strangers.among_ourselves(
            day, self._dice("internal"), hours, said=said, count=90 // share, days=_DAYS
        )

    # Meetings

    def appointments(self) -> Iterator[Appointment]:
        for company in self.companies:
            diary = Diary(company, self._dice("diary", company.domain), self.hours)
            yield from self._series(company, diary)
            yield from self._singles(company, diary)
        yield from self._near()

    def _series(self, company: Company, diary: Diary) -> Iterator[Appointment]:
        weeks = STAGES[company.stage].weeks
        if not weeks:
            return
        dice = self._dice("series", company.domain)
        first, last = self.spans[company.domain]
        begins = first + timedelta(days=dice.whole(8, 40))
        ahead = self.day + timedelta(days=dice.whole(18, 60))
        until: date | None = last if company.stage == "dormant" else ahead
        if company.domain == "norrvik-rail.example":
            until = None  # one that goes on for ever, as many do
        yield diary.series(first=begins, until=until, seen_until=until or ahead, weeks=weeks)

    def _singles(self, company: Company, diary: Diary) -> Iterator[Appointment]:
        gap = STAGES[company.stage].single
        if not gap:
            return
        dice = self._dice("singles", company.domain)
        day, last = self.spans[company.domain]
        horizon = last if company.stage == "dormant" else self.day + timedelta(days=26)
        kind = "prospect" if company.stage == "prospect" else "single"
        while (day := day + timedelta(days=dice.whole(gap // 3, gap * 5 // 3))) <= horizon:
            yield diary.single(self.hours.next_open(day), kind=kind)
            if dice.chance(0.04):
                yield diary.whole_days(day)
            if dice.chance(0.04):
                yield diary.private(self.hours.next_open(day))

    def _near(self) -> Iterator[Appointment]:
        """Something for today, for tomorrow, and for the weeks after, whatever the weekday."""
        dice = self._dice("near")
        active = [one for one in self.companies if one.stage in {"weekly", "fortnightly"}]
        for number, company in enumerate(dice.some(active, 14)):
            ahead = (0, 0, 1, 1, 1, 2, 4, 6, 9, 12, 16, 20, 24, 27)[number]
            day = self.day + timedelta(days=ahead)
            diary = Diary(company, self._dice("near", company.domain), self.hours)
            yield diary.single(day if ahead < 2 else self.hours.next_open(day))
        yield diary.whole_days(self.day + timedelta(days=8))


def company_opening(company: Company) -> str:
    """What a relationship begins with."""
    stage = STAGES[company.stage].audiences[0]
    return "prospect" if stage == "client" else stage


def _account(
    member: Someone, messages: list[Message], appointments: list[Appointment], now: datetime
) -> Account:
    mine = [one for one in appointments if member in one.people]
    return Account(
        member=member,
        mail=tuple(_copy(one, member) for one in messages if member in one.copies()),
        calendars=(calendar(member, mine, now=now),),
    )


def _copy(message: Message, member: Someone) -> Letter:
    raw = stored(message)
    if member is not message.sender:
        raw = delivered(message, member) + raw
    return Letter(message.id, message.at, message.sender.email, raw)
