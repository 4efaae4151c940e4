"""A desk and a list kept beside it: whatever happens is done in the product and written down, so
that the product's answers can be held against the naive ones."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.db.models import Count

from crm.claiming import claim
from crm.edits.editing import OPERATOR, CannotEdit
from crm.models import Address, Company, Person
from crm.workspaces import set_active
from intelligence.models import (
    CompanyConnection,
    CompanyInsight,
    CompanyInteraction,
    PersonConnection,
    PersonInsight,
    PersonInteraction,
)
from intelligence.refreshing import settle_due_events
from intelligence.strength import grade, today_score
from intelligence.verifying import differences
from mailboxes.accounts.connecting import connect
from mailboxes.accounts.refusing import AddressTaken
from mailboxes.models import FollowUp, MailboxKind
from mailboxes.parsing.values import ParsedEvent, ParsedMail
from mailboxes.policy import follow_up
from mailboxes.removing import begin_removal, purge
from mailboxes.screening import screen_event, screen_mail
from tests.desk import Desk, mail, meeting
from tests.intelligence.naive import Contact, Expected, Mail, Meeting, Moment, Owners, Said, expectations

STORED: dict[str, tuple[Any, Any, Any]] = {
    "person": (PersonInsight, PersonConnection, PersonInteraction),
    "company": (CompanyInsight, CompanyConnection, CompanyInteraction),
}
MOMENTS = ("first_email", "last_email", "first_calendar", "last_calendar", "next_calendar")

Wrong = tuple[str, int, str, Any, Any]  # kind of record, record, what, should be, is


class Office:
    def __init__(self, contacts: list[Contact], *, enhanced: bool = True) -> None:
        self.desk = Desk(enhanced=enhanced)
        self.owners = Owners(self.desk.workspace.pk)
        self.said = Said({contact.email: contact for contact in contacts})

    @property
    def now(self) -> datetime:
        return self.desk.now

    # Mail and meetings

    def put(self, name: str, *mails: Mail) -> None:
        insiders = self.desk.reader(name).insiders
        parsed = map(_parsed_mail, mails)
        with self._frozen():
            self.desk.put(name, *(one for one in parsed if not screen_mail(one, insiders)))
        held = self.said.mail[self._box(name)]
        for one in mails:
            held.setdefault(one.message_id, one)

    def trash(self, name: str, message_id: str) -> None:
        with self._frozen():
            self.desk.trash(name, message_id)
        del self.said.mail[self._box(name)][message_id]

    def schedule(self, name: str, *meetings: Meeting) -> None:
        """What a calendar says now of the UIDs of these meetings."""
        insiders = self.desk.reader(name).insiders
        parsed = map(_parsed_event, meetings)
        kept = [one for one in parsed if not screen_event(one, insiders)]
        uids = {one.uid for one in meetings}
        with self._frozen():
            self.desk.schedule(name, *kept)
            self.desk.unschedule(name, *(uids - {one.uid for one in kept}))
        for uid in uids:
            self.said.meetings[self._box(name)][uid] = tuple(one for one in meetings if one.uid == uid)

    def unschedule(self, name: str, uid: str) -> None:
        with self._frozen():
            self.desk.unschedule(name, uid)
        del self.said.meetings[self._box(name)][uid]

    def pass_time(self, delta: timedelta) -> None:
        self.desk.now += delta

    # Members and their mailboxes

    def connected(self) -> list[str]:
        """Whose mailbox can be read: a deactivated member's is kept and rests."""
        return [name for name in self.desk.mailboxes if self.desk.members[name].is_active]

    def remove_mailbox(self, name: str) -> None:
        mailbox = self.desk.mailboxes.pop(name)
        self.said.mail.pop(mailbox.pk, None)
        self.said.meetings.pop(mailbox.pk, None)
        with self._frozen():
            begin_removal(mailbox)
            purge(mailbox, now=self.now)

    def connect(self, name: str) -> None:
        with self._frozen():
            self.desk.connect(name)

    def join(self, name: str) -> None:
        with self._frozen():
            self.desk.join(name)

    def set_active(self, name: str, *, active: bool) -> None:
        with self._frozen():
            set_active(self.desk.members[name], active=active)
            for pk in FollowUp.objects.values_list("pk", flat=True):
                follow_up(pk)

    def claim(self, name: str, email: str) -> None:
        with self._frozen():
            claim(self.desk.members[name], [email])

    def give_alias(self, name: str, alias: str) -> None:
        """The owner adds an alias to a mailbox that has been read already; a colleague's is refused."""
        mailbox = self.desk.mailboxes[name]
        claimed = Address.objects.filter(workspace=self.desk.workspace, email=alias, member__isnull=False)
        is_anothers = claimed.exclude(member=mailbox.member).exists()
        with self._frozen(), pytest.raises(AddressTaken) if is_anothers else nullcontext():
            connect(
                mailbox.member,
                kind=MailboxKind.ARCHIVE,
                address=mailbox.address,
                aliases=[alias],
                settings={},
            )

    # Records

    def people(self) -> list[Person]:
        return list(Person.objects.filter(workspace=self.desk.workspace).order_by("pk"))

    def companies(self) -> list[Company]:
        return list(Company.objects.filter(workspace=self.desk.workspace).order_by("pk"))

    def edit(self, change: Callable[..., Any], *arguments: Any) -> None:
        """A change by hand; one that is refused changes nothing."""
        with self._frozen(), suppress(CannotEdit):
            change(*arguments, by=OPERATOR)

    # Answers

    def wrong(self) -> list[Wrong]:
        """Every stored answer that is not what the naive oracle or the product's own check says."""
        return [*self.disagreements(), *self._differences()]

    def disagreements(self) -> list[Wrong]:
        """Only what the naive oracle says, which is quicker."""
        settle_due_events(self.desk.workspace.pk, now=self.now)
        return list(_disagreements(self.expectations(), self.desk.workspace.pk, self.now))

    def expectations(self) -> dict[tuple[str, int], Expected]:
        self.owners = Owners(self.desk.workspace.pk)
        return expectations(self.said, self.owners, self.now)

    def _differences(self) -> list[Any]:
        with transaction.atomic():
            found = list(differences(self.desk.workspace.pk, now=self.now))
            transaction.set_rollback(True)  # its temporary tables go with it
        return found

    def _box(self, name: str) -> int:
        return self.desk.mailboxes[name].pk

    @contextmanager
    def _frozen(self) -> Iterator[None]:
        with time_machine.travel(self.now, tick=False):
            yield


def _parsed_mail(one: Mail) -> ParsedMail:
    parsed = mail(
        one.message_id,
        one.sender,
        list(one.to),
        cc=list(one.cc),
        category=one.category,
        in_reply_to=one.in_reply_to,
        subject=one.subject,
        reply_to=one.reply_to,
    )
    return replace(parsed, date=one.date, received=one.received)


def _parsed_event(one: Meeting) -> ParsedEvent:
    event = meeting(
        one.uid,
        one.organiser,
        dict(one.answers),
        at=one.at,
        status=one.status,
        sequence=one.sequence,
        recurrence_id=one.recurrence_id,
        all_day=one.all_day,
    )
    organiser = event.organiser if one.organiser else None
    return replace(event, organiser=organiser, last_modified=one.last_modified)


# Stored answers against naive ones


def _disagreements(
    expected: dict[tuple[str, int], Expected], workspace_id: int, now: datetime
) -> Iterator[Wrong]:
    stored = {
        (kind, insight.pk): insight
        for kind, (insights, _, _) in STORED.items()
        for insight in insights.objects.filter(workspace_id=workspace_id)
    }
    if expected.keys() != stored.keys():
        yield "any", 0, "records with an insight", sorted(expected), sorted(stored)
    ties, timelines = _ties(workspace_id), _timelines(workspace_id)
    for (kind, pk), should in expected.items():
        answers = [
            *_moments(should, stored.get((kind, pk))),
            *_strength(should, stored.get((kind, pk)), now),
            *_compared_ties(should, ties.get((kind, pk), {}), now),
            ("timeline", should.timeline, timelines.get((kind, pk), 0)),
        ]
        yield from ((kind, pk, what, one, other) for what, one, other in answers if one != other)


def _moments(should: Expected, insight: Any) -> Iterator[tuple[str, Any, Any]]:
    for name in MOMENTS:
        moment = getattr(should, name)
        yield name, moment, _stored_moment(insight, name, moment)
    for name in ("first_at", "last_at"):
        yield name, getattr(should, name), getattr(insight, name, None)


def _stored_moment(insight: Any, name: str, should: Moment | None) -> Moment | None:
    at = getattr(insight, f"{name}_at", None)
    if at is None:
        return None
    all_day = frozenset({bool(getattr(insight, f"{name}_all_day", False))})
    may_be = should.all_day if should and all_day <= should.all_day else all_day
    return Moment(at, getattr(insight, f"{name}_member_id"), may_be)


def _strength(should: Expected, insight: Any, now: datetime) -> Iterator[tuple[str, Any, Any]]:
    score = getattr(insight, "score", None)
    strength = None if score is None else today_score(score, now.date())
    given = grade(score, now.date())
    yield "strength", should.strength, _snapped(strength, should.strength)
    yield "grade", should.grade, given.word if given else ""
    strongest = getattr(insight, "strongest_id", None)
    yield "strongest", should.strongest, should.strongest if strongest in should.strongest else strongest


def _snapped(is_now: float | None, should_be: float | None) -> float | None:
    """What it should be, if it is that to nine digits."""
    if is_now is None or should_be is None:
        return is_now
    return should_be if abs(is_now - should_be) <= 1e-9 * should_be else is_now


def _compared_ties(should: Expected, stored: dict[int, Any], now: datetime) -> Iterator[tuple[str, Any, Any]]:
    yield "members in touch", sorted(should.ties), sorted(stored)
    for member in should.ties.keys() & stored.keys():
        tie, row = should.ties[member], stored[member]
        strength = tie.strength(now.date())
        yield (
            f"tie of member {member}",
            (tie.emails, tie.meetings, tie.last_at, strength),
            (row.emails, row.meetings, row.last_at, _snapped(today_score(row.score, now.date()), strength)),
        )


def _ties(workspace_id: int) -> dict[tuple[str, int], dict[int, Any]]:
    ties: dict[tuple[str, int], dict[int, Any]] = {}
    for kind, (_, connections, _) in STORED.items():
        for row in connections.objects.filter(workspace_id=workspace_id):
            ties.setdefault((kind, getattr(row, f"{kind}_id")), {})[row.member_id] = row
    return ties


def _timelines(workspace_id: int) -> dict[tuple[str, int], int]:
    lengths = {}
    for kind, (_, _, timeline) in STORED.items():
        counted = timeline.objects.filter(workspace_id=workspace_id).values_list(f"{kind}_id")
        for pk, length in counted.annotate(Count("interaction_id")):
            lengths[kind, pk] = length
    return lengths
