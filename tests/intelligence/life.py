"""One workspace's life, step by step as hypothesis makes it up: mail, meetings, time, records, members."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from crm.edits import editing
from tests.desk import NOW
from tests.intelligence.material import (
    ADA,
    ADA_AT_HOME,
    ADA_TAGGED,
    BEN,
    BOB,
    CARLA,
    CLAIMABLE,
    CONTACTS,
    DOMAINS,
    DORA,
    GINA,
    INFO,
    ZED,
    anybody,
    boxes,
    categories,
    changes,
    colleagues,
    gatherings,
    letters,
    names,
    others,
    which,
)
from tests.intelligence.naive import Mail, Meeting, opened_by, written_to
from tests.intelligence.office import Office

Change = tuple[str, int, str]


class Life(RuleBasedStateMachine):
    """One workspace's life, rolled back at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.count = self.checks = 0
        self.letters: list[Mail] = []
        self.known: set[tuple[str, int]] = set()
        self.reached: set[str] = set()
        self.may_rest = False

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    @initialize(enhanced=st.booleans(), stocked=st.sampled_from([True, True, False]))
    def opens(self, enhanced: bool, stocked: bool) -> None:
        self.enhanced = enhanced
        self.office = Office(CONTACTS, enhanced=enhanced)
        if stocked:  # records to do things with
            at = self.office.now - timedelta(days=3)
            self._arrives([Mail("0@x", ADA, (BOB, CARLA, DORA), (GINA, INFO), date=at, received=at)], [0])

    # Mail

    @rule(letter=letters(colleagues, others), into=boxes, reply=which)
    def a_member_writes(self, letter: dict[str, Any], into: list[int], reply: int) -> None:
        self._arrives([self._letter(letter, reply)], into)

    @rule(letter=letters(others, colleagues), into=boxes, reply=which)
    def somebody_writes(self, letter: dict[str, Any], into: list[int], reply: int) -> None:
        self._arrives([self._letter(letter, reply)], into)

    @rule(page=st.lists(letters(anybody, anybody), min_size=2, max_size=4), into=boxes)
    def a_page_arrives(self, page: list[dict[str, Any]], into: list[int]) -> None:
        self._arrives([self._letter(letter, place) for place, letter in enumerate(page)], into)

    @rule(number=which, into=boxes, category=categories, hours_before=st.sampled_from([0, 0, 3]))
    def a_copy_arrives(self, number: int, into: list[int], category: str, hours_before: int) -> None:
        if letter := pick(self.letters, number):
            received = letter.received - timedelta(hours=hours_before)
            self._arrives([replace(letter, category=category, received=received)], into)

    @rule(number=which, into=boxes, sender=others)
    def somebody_borrows_a_message_id(self, number: int, into: list[int], sender: str) -> None:
        if letter := pick(self.letters, number):
            self._arrives([replace(letter, sender=sender)], into)

    @rule(box=which, number=which, meeting=st.booleans())
    def something_is_deleted(self, box: int, number: int, meeting: bool) -> None:
        said = self.office.said
        name, held = self._name_and(said.meetings if meeting else said.mail, box)
        if held:
            delete = self.office.unschedule if meeting else self.office.trash
            delete(name, pick(held, number))

    # Meetings

    @rule(gathering=gatherings(st.sampled_from([ADA, BEN, ADA_TAGGED, ADA_AT_HOME])), into=boxes)
    def a_member_invites(self, gathering: dict[str, Any], into: list[int]) -> None:
        self._scheduled(self._meetings(gathering), into)

    @rule(gathering=gatherings(others), into=boxes)
    def somebody_invites(self, gathering: dict[str, Any], into: list[int]) -> None:
        self._scheduled(self._meetings(gathering), into)

    @rule(box=which, number=which, into=boxes)
    def an_invitation_spreads(self, box: int, number: int, into: list[int]) -> None:
        _, held = self._name_and(self.office.said.meetings, box)
        if held:
            self._scheduled(held[pick(held, number)], into)

    @rule(
        box=which,
        number=which,
        occurrence=which,
        change=changes,
        sequence=st.booleans(),
        everywhere=st.booleans(),
    )
    def a_meeting_changes(
        self, box: int, number: int, occurrence: int, change: Change, sequence: bool, everywhere: bool
    ) -> None:
        name, held = self._name_and(self.office.said.meetings, box)
        if not held:
            return
        uid = pick(held, number)
        changed = _changed(held[uid], occurrence, change)
        if sequence:
            changed = tuple(replace(one, sequence=one.sequence + 1) for one in changed)
        for holder in self._holders(uid) if everywhere else [name]:
            self.office.schedule(holder, *changed)

    # Time

    @rule(hours=st.sampled_from([1, 15, 24, 8 * 24, 31 * 24]), at_once=st.booleans())
    def time_passes(self, hours: int, at_once: bool) -> None:
        self.office.pass_time(timedelta(hours=hours))
        self.may_rest = not at_once

    @rule(at_once=st.booleans())
    def the_next_meeting_starts(self, at_once: bool) -> None:
        calendars = self.office.said.meetings.values()
        starts = [one.at for held in calendars for resource in held.values() for one in resource]
        to_come = [at for at in starts if at > self.office.now]
        if to_come:
            self.office.pass_time(min(to_come) - self.office.now)
            self.may_rest = not at_once

    # Records

    @rule(number=which, email=anybody)
    def an_address_is_added(self, number: int, email: str) -> None:
        if person := pick(self.office.people(), number):
            self.office.edit(editing.add_address, person, email)

    @rule(number=which, address=which)
    def an_address_is_removed(self, number: int, address: int) -> None:
        person = pick(self.office.people(), number)
        if person and (own := pick(person.addresses.order_by("pk"), address)):
            self.office.edit(editing.remove_address, person, own)

    @rule(number=which, domain=st.sampled_from(DOMAINS), comes=st.booleans())
    def a_domain_comes_or_goes(self, number: int, domain: str, comes: bool) -> None:
        if company := pick(self.office.companies(), number):
            self.office.edit(editing.add_domain if comes else editing.remove_domain, company, domain)

    @rule(number=which, to=which, leaves=st.booleans())
    def somebody_changes_job(self, number: int, to: int, leaves: bool) -> None:
        if person := pick(self.office.people(), number):
            company = None if leaves else pick(self.office.companies(), to)
            self.office.edit(editing.move_person, person, company)

    @rule(people=st.booleans(), number=which, into=which)
    def records_are_merged(self, people: bool, number: int, into: int) -> None:
        records: Sequence[editing.Record] = self.office.people() if people else self.office.companies()
        if records:
            self.office.edit(editing.merge, pick(records, number), pick(records, into))

    @rule(number=which, only_renamed=st.booleans())
    def a_record_is_deleted_or_renamed(self, number: int, only_renamed: bool) -> None:
        record = pick([*self.office.people(), *self.office.companies()], number)
        if record and only_renamed:
            self.office.edit(editing.rename, record, "Somebody else")
        elif record:
            self.office.edit(editing.delete_record, record)

    # Members

    @rule(name=names)
    def a_mailbox_is_removed_or_connected_again(self, name: str) -> None:
        if name in self.office.desk.mailboxes:
            self.office.remove_mailbox(name)
        elif self.office.desk.members[name].is_active:
            self.office.connect(name)

    @rule(name=names)
    def a_member_goes_or_comes_back(self, name: str) -> None:
        self.office.set_active(name, active=not self.office.desk.members[name].is_active)

    @rule(name=names, email=st.sampled_from([*CLAIMABLE, ZED]), alias=st.booleans())
    def somebody_turns_out_to_be_a_member(self, name: str, email: str, alias: bool) -> None:
        if email == ZED:
            if "zed" not in self.office.desk.members:
                self.office.join("zed")
        elif not alias:
            self.office.claim(name, email)
        elif name in self.office.connected():
            self.office.give_alias(name, email)

    # What must hold

    @invariant()
    def every_answer_is_right(self) -> None:
        if self.may_rest:  # something happens before the sweep sees what has started
            self.may_rest = False
            return
        self.checks += 1
        # The product's own check takes longer than the naive one.
        assert (self.office.disagreements() if self.checks % 5 else self.office.wrong()) == []
        assert self._uncalled() == set()

    def _uncalled(self) -> set[str]:
        """Records that are there although no member has written to anybody of theirs."""
        owners = self.office.owners
        self.reached |= written_to(self.office.said, owners)
        contacts = self.office.said.contacts
        found = {("person", pk): opened_by(contacts[email]) for email, pk in owners.person_of.items()}
        found |= {("company", pk): domain for domain, pk in owners.company_of_domain.items()}
        fresh = {gate for key, gate in found.items() if key not in self.known}
        self.known |= found.keys()
        return fresh - self.reached if self.enhanced else set()

    def _letter(self, letter: dict[str, Any], reply: int) -> Mail:
        self.count += 1
        days, hour = letter["age"]
        at = min(_on_day(self.office.now, -days, hour), self.office.now)
        # Date and Received; the rules say which of the two is believed.
        date, received = {
            "date": (at, self.office.now),
            "no date": (None, at),
            "old date": (at.replace(year=1985, day=1), at),
            "received earlier": (at, at - timedelta(hours=5)),
        }[letter["trust"]]
        parent = pick(self.letters, reply)
        made = Mail(
            f"{self.count}@x",
            letter["sender"],
            letter["to"],
            letter["cc"],
            date=date,
            received=received,
            category=letter["category"],
            reply_to=letter["reply_to"],
            in_reply_to=parent.message_id if parent else "",
        )
        self.letters.append(made)
        return made

    def _arrives(self, mails: list[Mail], into: list[int]) -> None:
        for name in self._names(into):
            held = self.office.said.mail[self.office.desk.mailboxes[name].pk]
            self.office.put(name, *(one for one in mails if held.get(one.message_id, one) == one))

    def _meetings(self, gathering: dict[str, Any]) -> tuple[Meeting, ...]:
        self.count += 1
        hour = time(0) if gathering["all_day"] else gathering["hour"]
        at = _on_day(self.office.now, gathering["days"], hour)
        first = Meeting(
            f"u{self.count}",
            gathering["organiser"],
            tuple(gathering["answers"].items()),
            at,
            status=gathering["status"],
            all_day=gathering["all_day"],
        )
        weeks = [at + timedelta(weeks=week) for week in range(gathering["occurrences"])]
        return tuple(replace(first, at=week, recurrence_id=week) for week in weeks) or (first,)

    def _scheduled(self, meetings: tuple[Meeting, ...], into: list[int]) -> None:
        for name in self._names(into):
            self.office.schedule(name, *meetings)

    def _names(self, into: list[int]) -> list[str]:
        connected = self.office.connected()
        return sorted({pick(connected, number) for number in into} - {None})

    def _holders(self, uid: str) -> list[str]:
        held, boxes_of = self.office.said.meetings, self.office.desk.mailboxes
        return [name for name in self.office.connected() if uid in held[boxes_of[name].pk]]

    def _name_and(self, held: dict[int, Any], number: int) -> tuple[str, Any]:
        name = pick(self.office.connected(), number)
        return name, held[self.office.desk.mailboxes[name].pk] if name else {}


def _changed(meetings: tuple[Meeting, ...], occurrence: int, change: Change) -> tuple[Meeting, ...]:
    what, number, value = change
    place = occurrence % len(meetings)
    if what == "drop" and len(meetings) > 1:
        return meetings[:place] + meetings[place + 1 :]
    one = meetings[place]
    answers = dict(one.answers)
    guests = [email for email in answers if email != one.organiser]
    if what == "answer":
        answers[pick(answers, number)] = value
    elif what == "invite":
        answers.setdefault(value, "needs_action")
    elif what == "leave out" and guests:
        del answers[pick(guests, number)]
    changed = replace(
        one,
        answers=tuple(answers.items()),
        at=one.at + timedelta(days=number) if what == "move" else one.at,
        status=value if what == "status" else one.status,
        last_modified=NOW + timedelta(hours=number) if what == "touch" else one.last_modified,
    )
    return (*meetings[:place], changed, *meetings[place + 1 :])


def _on_day(now: datetime, days: int, hour: time) -> datetime:
    return datetime.combine((now + timedelta(days=days)).date(), hour, now.tzinfo)


def pick(items: Any, number: int) -> Any:
    chosen = list(items)
    return chosen[number % len(chosen)] if chosen else None
