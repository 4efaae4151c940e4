"""A second opinion on the nine smart attributes: plain loops over everything that was said, written
from the rules alone. It asks the database only who owns which address, domain and mailbox."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from crm.models import Address, Company, CompanyDomain, InternalDomain, Member, Person
from mailboxes.models import Mailbox, MailboxAddress

HALF_LIFE = 30.0
GRADES = ((12.0, "Very strong"), (6.0, "Strong"), (2.5, "Good"), (0.75, "Weak"))
AS_GOOD_AS = 1e-9
ANSWERS = ("accepted", "tentative", "needs_action")


@dataclass(frozen=True)
class Contact:
    """Somebody who can be written to, and what everybody can tell from the address."""

    email: str
    domain: str
    kind: str = "human"
    is_freemail: bool = False


@dataclass(frozen=True)
class Mail:
    message_id: str
    sender: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    date: datetime | None
    received: datetime
    subject: str = "Plans"
    category: str = "contact"
    reply_to: str = ""
    in_reply_to: str = ""

    @property
    def at(self) -> datetime:
        trusted = self.date is not None and self.date.year >= 1990
        return min(self.date, self.received) if trusted and self.date else self.received

    @property
    def identity(self) -> tuple[object, ...]:
        to_the_second = self.date and self.date.replace(microsecond=0)
        return self.message_id, self.sender, to_the_second, self.subject, frozenset(self.to + self.cc)


@dataclass(frozen=True)
class Meeting:
    uid: str
    organiser: str
    answers: tuple[tuple[str, str], ...]
    at: datetime
    status: str = "confirmed"
    sequence: int = 0
    last_modified: datetime | None = None
    recurrence_id: datetime | None = None
    all_day: bool = False

    @property
    def identity(self) -> tuple[object, ...]:
        return self.uid, self.recurrence_id, self.organiser


@dataclass
class Said:
    """What lies in each mailbox now: mail by the provider's id, meetings by their resource."""

    contacts: dict[str, Contact]
    mail: dict[int, dict[str, Mail]] = field(default_factory=lambda: defaultdict(dict))
    meetings: dict[int, dict[str, tuple[Meeting, ...]]] = field(default_factory=lambda: defaultdict(dict))


class Owners:
    """Who owns which address, domain and mailbox now."""

    def __init__(self, workspace_id: int) -> None:
        def rows(model: Any, *fields: str) -> list[tuple]:
            return list(model._default_manager.filter(workspace_id=workspace_id).values_list(*fields))

        addresses = rows(Address, "email", "member_id", "person_id")
        self.claimed = {email: member for email, member, _ in addresses if member}
        self.person_of = {email: person for email, _, person in addresses if person}
        self.internal = {domain for (domain,) in rows(InternalDomain, "domain")}
        self.company_of_domain = dict(rows(CompanyDomain, "domain", "company_id"))
        self.company_of_person = dict(rows(Person, "id", "company_id"))
        self.companies = sorted(pk for (pk,) in rows(Company, "id"))
        self.active = {pk for pk, active in rows(Member, "id", "is_active") if active}
        self.holder = dict(rows(Mailbox, "id", "member_id"))
        self.own_addresses: dict[int, set[str]] = defaultdict(set)
        for mailbox, email in rows(MailboxAddress, "mailbox_id", "address__email"):
            self.own_addresses[mailbox].add(email)

    def member(self, email: str) -> int | None:
        """`ada+shop@` is whoever `ada@` is, also where nobody has used it before."""
        return self.claimed.get(email) or self.claimed.get(_untagged(email))

    def is_own(self, mailbox: int, email: str) -> bool:
        """Whether what comes from there is the mailbox's own."""
        return bool({email, _untagged(email)} & self.own_addresses[mailbox])


def _untagged(email: str) -> str:
    local, _, host = email.partition("@")
    return f"{local.partition('+')[0]}@{host}"


@dataclass(frozen=True)
class Interaction:
    kind: str
    at: datetime
    member: int  # with whom on our side
    members: frozenset[int]
    outside: frozenset[str]
    is_crowd: bool
    all_day: bool = False
    writer: int | None = None  # the member who wrote it
    authors: frozenset[str] = frozenset()  # those outside who wrote it
    addressed_members: frozenset[int] = frozenset()  # in To or Cc
    addressed: frozenset[str] = frozenset()  # those outside in To or Cc


# Everything that was said → interactions


def interactions(said: Said, owners: Owners) -> list[Interaction]:
    return [*_letters(said, owners), *_gatherings(said, owners)]


def _outside(emails: Iterable[str], said: Said, owners: Owners) -> frozenset[str]:
    def counts(email: str) -> bool:
        contact = said.contacts[email]
        is_ours = owners.member(email) or contact.domain in owners.internal
        return contact.kind != "automated" and not is_ours

    return frozenset(filter(counts, emails))


def _members(emails: Iterable[str], owners: Owners) -> list[int]:
    return [member for email in emails if (member := owners.member(email))]


def _letters(said: Said, owners: Owners) -> Iterator[Interaction]:
    by_identity = defaultdict(list)
    for box in said.mail.values():
        for copy in box.values():
            by_identity[copy.identity].append(copy)
    for copies in by_identity.values():
        if any(copy.category == "contact" for copy in copies):
            yield from _letter(copies[0], min(copy.at for copy in copies), said, owners)


def _letter(mail: Mail, at: datetime, said: Said, owners: Owners) -> Iterator[Interaction]:
    is_robot = said.contacts[mail.sender].kind == "automated"
    author = [mail.reply_to or mail.sender] if is_robot else [mail.sender]
    to_and_cc = [*mail.to, *mail.cc]
    writers, addressed = _members(author, owners), _members(to_and_cc, owners)
    outside = _outside(author + to_and_cc, said, owners)
    if outside and (writers or addressed):
        yield Interaction(
            kind="email",
            at=at,
            member=(writers + addressed)[0],
            members=frozenset(writers + addressed),
            outside=outside,
            is_crowd=len(set(to_and_cc)) > 25,
            writer=writers[0] if writers else None,
            authors=_outside(author, said, owners),
            addressed_members=frozenset(addressed),
            addressed=_outside(to_and_cc, said, owners),
        )


def _gatherings(said: Said, owners: Owners) -> Iterator[Interaction]:
    by_identity: dict[tuple, dict[int, Meeting]] = defaultdict(dict)
    for mailbox, resources in said.meetings.items():
        for copy in (one for resource in resources.values() for one in resource):
            if _outside((email for email, _ in copy.answers), said, owners):
                by_identity[copy.identity][mailbox] = copy
    for copies in by_identity.values():
        yield from _gathering(copies, said, owners)


def _gathering(copies: dict[int, Meeting], said: Said, owners: Owners) -> Iterator[Interaction]:
    shown = copies[max(copies, key=lambda mailbox: _says_more(mailbox, copies[mailbox], owners))]
    hosts: int | None = None
    answers: dict[int, str] = {}
    for email, response in shown.answers:
        for member in _members([email], owners):
            answer = _own_answer(email, member, copies, owners) or response
            # Somebody who is invited twice comes if either address says so.
            answers[member] = min(answer, answers.get(member, answer), key=_readiness)
            hosts = member if email == shown.organiser and answer != "declined" else hosts
    coming = {member for member, answer in answers.items() if answer != "declined"}
    outside = _outside((email for email, _ in shown.answers), said, owners)
    if shown.status == "cancelled" or not coming or not outside:
        return
    by_answer = min(coming, key=lambda member: (_readiness(answers[member]), member))
    yield Interaction(
        kind="meeting",
        at=shown.at,
        member=hosts or by_answer,
        members=frozenset(coming),
        outside=outside,
        is_crowd=len(shown.answers) > 20,
        all_day=shown.all_day,
    )


def _says_more(mailbox: int, copy: Meeting, owners: Owners) -> tuple:
    modified = copy.last_modified or datetime.min.replace(tzinfo=UTC)
    is_kept_up = owners.holder[mailbox] in owners.active
    return is_kept_up and owners.is_own(mailbox, copy.organiser), copy.sequence, modified, -mailbox


def _own_answer(email: str, member: int, copies: dict[int, Meeting], owners: Owners) -> str | None:
    own = (copy for mailbox, copy in copies.items() if owners.holder[mailbox] == member)
    return next((dict(copy.answers)[email] for copy in own if email in dict(copy.answers)), None)


def _readiness(answer: str) -> int:
    return ANSWERS.index(answer) if answer in ANSWERS else len(ANSWERS)


def written_to(said: Said, owners: Owners) -> set[str]:
    """Whom members have written to or invited: domains, and addresses where anybody may have one."""
    reached: set[str] = set()
    for mailbox, box in said.mail.items():
        for mail in box.values():
            if mail.category == "contact" and owners.is_own(mailbox, mail.sender):
                reached |= {*mail.to, *mail.cc}
    for mailbox, resources in said.meetings.items():
        for meeting in (one for resource in resources.values() for one in resource):
            if owners.is_own(mailbox, meeting.organiser):
                reached |= {email for email, _ in meeting.answers}
    return {opened_by(said.contacts[email]) for email in reached}


def opened_by(contact: Contact) -> str:
    """What one has to write to before somebody becomes a record: his domain, if that says anything."""
    return contact.email if contact.is_freemail else contact.domain


# Interactions → what a record's answers should be


@dataclass(frozen=True)
class Moment:
    at: datetime
    member: int
    # Two meetings may agree in the rest: either may be the one that is named.
    all_day: frozenset[bool]


@dataclass(frozen=True)
class Tie:
    """One member with one record. `days` and `factor` are all that the strength is made of."""

    emails: int
    meetings: int
    last_at: datetime
    factor: float
    days: tuple[tuple[date, float], ...]

    def strength(self, today: date) -> float:
        total = 0.0
        for day, weight in self.days:
            total += weight * 2.0 ** (-(today - day).days / HALF_LIFE)
        return self.factor * total


@dataclass(frozen=True)
class Expected:
    timeline: int
    first_email: Moment | None
    last_email: Moment | None
    first_calendar: Moment | None
    last_calendar: Moment | None
    next_calendar: Moment | None
    first_at: datetime | None
    last_at: datetime | None
    ties: dict[int, Tie]
    strength: float | None
    grade: str
    strongest: frozenset[int | None]


def expectations(said: Said, owners: Owners, now: datetime) -> dict[tuple[str, int], Expected]:
    everything = interactions(said, owners)
    return {
        (kind, pk): _expected(addresses, everything, owners.active, now)
        for kind, pk, addresses in _records(said, owners)
    }


def _records(said: Said, owners: Owners) -> Iterator[tuple[str, int, set[str]]]:
    for person in owners.company_of_person:
        yield "person", person, {email for email, owner in owners.person_of.items() if owner == person}
    for company in owners.companies:
        addresses = set()
        for email, contact in said.contacts.items():
            employer = owners.company_of_person.get(owners.person_of.get(email, 0))
            if company in (owners.company_of_domain.get(contact.domain), employer):
                addresses.add(email)
        yield "company", company, addresses


def _expected(
    addresses: set[str], everything: list[Interaction], active: set[int], now: datetime
) -> Expected:
    ours = [one for one in everything if one.outside & addresses]
    past = [one for one in ours if one.at <= now]
    emails = [one for one in past if one.kind == "email"]
    meetings = [one for one in past if one.kind == "meeting"]
    to_come = [one for one in ours if one.at > now and one.kind == "meeting"]
    ties = _ties(past, addresses)
    strengths = {member: tie.strength(now.date()) for member, tie in ties.items() if member in active}
    best = max(strengths.values(), default=None)
    return Expected(
        timeline=len(ours),
        first_email=_moment(emails, min),
        last_email=_moment(emails, max),
        first_calendar=_moment(meetings, min),
        last_calendar=_moment(meetings, max),
        next_calendar=_moment(to_come, min),
        first_at=min((one.at for one in past), default=None),
        last_at=max((one.at for one in past), default=None),
        ties=ties,
        strength=best,
        grade=_grade(best),
        strongest=_strongest(strengths, ties),
    )


def _moment(candidates: list[Interaction], end: Callable[[Iterable[datetime]], datetime]) -> Moment | None:
    if not candidates:
        return None
    at = end(one.at for one in candidates)
    member = min(one.member for one in candidates if one.at == at)
    all_day = {one.all_day for one in candidates if (one.at, one.member) == (at, member)}
    return Moment(at, member, frozenset(all_day))


def _ties(past: list[Interaction], addresses: set[str]) -> dict[int, Tie]:
    members = {member for one in past for member in one.members}
    return {
        member: _tie(member, [one for one in past if member in one.members], addresses) for member in members
    }


def _tie(member: int, shared: list[Interaction], addresses: set[str]) -> Tie:
    by_day = defaultdict(list)
    for one in shared:
        if not one.is_crowd:
            by_day[one.at.astimezone(UTC).date()].append(one)
    return Tie(
        emails=sum(one.kind == "email" for one in shared),
        meetings=sum(one.kind == "meeting" for one in shared),
        last_at=max(one.at for one in shared),
        factor=1.0 if _goes_both_ways(member, shared, addresses) else 0.5,
        days=tuple(sorted((day, _weight(member, together)) for day, together in by_day.items())),
    )


def _weight(member: int, together: list[Interaction]) -> float:
    met = any(one.kind == "meeting" for one in together)
    wrote = any(one.writer == member for one in together)
    return (2.0 if met else 1.0 if wrote else 0.75) * len(together) ** 0.25


def _goes_both_ways(member: int, shared: list[Interaction], addresses: set[str]) -> bool:
    telling = [one for one in shared if not one.is_crowd]
    met = any(one.kind == "meeting" for one in telling)
    wrote = any(one.writer == member and one.addressed & addresses for one in telling)
    heard = any(member in one.addressed_members and one.authors & addresses for one in telling)
    return met or (wrote and heard)


def _grade(strength: float | None) -> str:
    if strength is None:
        return ""
    return next((name for least, name in GRADES if strength >= least - AS_GOOD_AS), "Very weak")


def _strongest(strengths: dict[int, float], ties: dict[int, Tie]) -> frozenset[int | None]:
    """Where two sums agree to nine digits without being made of the same days, rounding may decide."""
    best = max(strengths.values(), default=0.0)
    if best == 0.0:
        return frozenset({None})
    groups = defaultdict(list)
    for member, strength in strengths.items():
        if strength >= best * (1 - AS_GOOD_AS):
            groups[ties[member].factor, ties[member].days].append(member)
    ahead = [min(group, key=lambda one: (-ties[one].last_at.timestamp(), one)) for group in groups.values()]
    return frozenset(ahead)
