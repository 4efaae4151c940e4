"""Whatever happens, in whatever order, every stored answer is the one that plain loops over everything
that was said arrive at. RAPPORT_EXAMPLES=2000 tries many more sequences than a normal run."""

import os
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from crm import editing
from crm.models import Address, CompanyDomain
from tests.desk import NOW
from tests.intelligence.naive import Contact, Mail, Meeting, written_to
from tests.intelligence.office import Office

pytestmark = pytest.mark.django_db

HOME = "halyard.example"
ADA, BEN, CLEO, ZED = (f"{name}@{HOME}" for name in ("ada", "ben", "cleo", "zed"))
ADA_TAGGED = f"ada+projects@{HOME}"
BOB, CARLA, INFO, ROBOT = (f"{name}@acme.example" for name in ("bob", "carla", "info", "no-reply"))
BOB_TAGGED = "bob+news@acme.example"
DORA, ERIN, SALES = "dora@birch.example", "erin@mail.birch.example", "sales@birch.example"
GINA, ADA_AT_HOME, BEN_BEFORE = "gina@gmail.com", "ada.byron@gmail.com", "ben@corda.example"

COLLEAGUES = [ADA, BEN, CLEO, ADA_TAGGED, ZED]
OTHERS = [BOB, CARLA, DORA, ERIN, GINA, INFO, SALES, ROBOT, BOB_TAGGED, ADA_AT_HOME, BEN_BEFORE]
CLAIMABLE = [ADA_AT_HOME, BEN_BEFORE, CARLA, BOB]
# They make a crowd and nothing else: colleagues who never signed in.
CROWD = [f"desk{number}@{HOME}" for number in range(30)]
DOMAINS = ["acme.example", "birch.example", "corda.example"]
KINDS = {INFO: "role", SALES: "role", ROBOT: "automated"}


def contact(email: str) -> Contact:
    domain = ".".join(email.rpartition("@")[2].split(".")[-2:])
    return Contact(email, domain, KINDS.get(email, "human"), is_freemail=domain == "gmail.com")


CONTACTS = [contact(email) for email in (*COLLEAGUES, *OTHERS, *CROWD)]

# What sequences are made of: few values each, so that they meet often

names = st.sampled_from(["ada", "ben", "cleo"])
boxes = st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True)
which = st.integers(0, 11)
colleagues = st.sampled_from(COLLEAGUES)
others = st.sampled_from(OTHERS)
anybody = st.one_of(others, colleagues)
categories = st.sampled_from(["contact"] * 6 + ["bulk", "automatic", "calendar"])
ages = st.sampled_from([0, 0, 1, 2, 29, 30, 31, 90, 400])
hours = st.sampled_from([time(0), time(8), time(8), time(23, 59, 59)])
responses = st.sampled_from(["accepted", "accepted", "tentative", "needs_action", "declined"])
sizes = st.sampled_from([0] * 8 + [20, 21, 25, 26])


@st.composite
def letters(draw: st.DrawFn, sender: st.SearchStrategy[str], to: st.SearchStrategy[str]) -> dict[str, Any]:
    first = draw(to)
    return {
        "sender": draw(sender),
        "to": _filled((first,), draw(st.just(0) | sizes)),
        "cc": tuple(draw(st.lists(anybody.filter(lambda one: one != first), max_size=2, unique=True))),
        "category": draw(categories),
        "reply_to": draw(st.just("") | anybody),
        "age": (draw(ages), draw(hours)),
        "trust": draw(st.sampled_from(["date"] * 5 + ["no date", "old date", "received earlier"])),
    }


@st.composite
def gatherings(draw: st.DrawFn, organiser: st.SearchStrategy[str]) -> dict[str, Any]:
    host = draw(organiser)
    guests = draw(st.lists(anybody, min_size=1, max_size=4, unique=True))
    invited = _filled((host, *(guest for guest in guests if guest != host)), draw(st.just(0) | sizes))
    answers = {guest: draw(responses) if guest not in CROWD else "accepted" for guest in invited}
    return {
        "organiser": draw(st.sampled_from([host] * 5 + [""])),
        "answers": {**answers, host: draw(st.sampled_from(["accepted"] * 5 + ["declined"]))},
        "days": draw(st.sampled_from([-400, -30, -8, -2, -1, 0, 0, 1, 2, 8, 40])),
        "hour": draw(hours),
        "all_day": draw(st.sampled_from([False, False, False, True])),
        "occurrences": draw(st.sampled_from([0, 0, 0, 3])),
        "status": draw(st.sampled_from(["confirmed"] * 4 + ["tentative", "cancelled"])),
    }


changes = st.one_of(
    st.tuples(st.just("answer"), which, responses),
    st.tuples(st.just("move"), st.sampled_from([-9, -1, 1, 9]), st.just("")),
    st.tuples(st.just("status"), which, st.sampled_from(["confirmed", "cancelled"])),
    st.tuples(st.just("invite"), which, anybody),
    st.tuples(st.just("leave out"), which, st.just("")),
    st.tuples(st.just("drop"), which, st.just("")),
    st.tuples(st.just("touch"), which, st.just("")),
)


def _filled(emails: tuple[str, ...], size: int) -> tuple[str, ...]:
    return emails + tuple(CROWD[: max(size - len(emails), 0)])


def _pick(items: Any, number: int) -> Any:
    chosen = list(items)
    return chosen[number % len(chosen)] if chosen else None


class Life(RuleBasedStateMachine):
    """One workspace's life, rolled back at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.count = 0
        self.letters: list[Mail] = []
        self.known: set[tuple[str, int]] = set()
        self.reached: set[str] = set()
        self.may_rest = False

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    @initialize(enhanced=st.booleans())
    def opens(self, enhanced: bool) -> None:
        self.enhanced = enhanced
        self.office = Office(CONTACTS, enhanced=enhanced)

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
        if letter := _pick(self.letters, number):
            received = letter.received - timedelta(hours=hours_before)
            self._arrives([replace(letter, category=category, received=received)], into)

    @rule(number=which, into=boxes, sender=anybody)
    def somebody_borrows_a_message_id(self, number: int, into: list[int], sender: str) -> None:
        if letter := _pick(self.letters, number):
            self._arrives([replace(letter, sender=sender)], into)

    @rule(box=which, number=which)
    def mail_is_deleted(self, box: int, number: int) -> None:
        name, held = self._name_and(self.office.said.mail, box)
        if held:
            self.office.trash(name, _pick(held, number))

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
            self._scheduled(held[_pick(held, number)], into)

    @rule(box=which, number=which, occurrence=which, change=changes, sequence=st.booleans(), all_=st.booleans())
    def a_meeting_changes(
        self, box: int, number: int, occurrence: int, change: tuple, sequence: bool, all_: bool
    ) -> None:
        name, held = self._name_and(self.office.said.meetings, box)
        if not held:
            return
        uid = _pick(held, number)
        changed = self._changed(held[uid], occurrence % len(held[uid]), change, sequence)
        holders = [name]
        if all_:
            calendars = self.office.said.meetings
            holders = [
                one for one in self.office.connected() if uid in calendars[self.office.desk.mailboxes[one].pk]
            ]
        for holder in holders:
            self.office.schedule(holder, *changed)

    @rule(box=which, number=which)
    def a_meeting_is_deleted(self, box: int, number: int) -> None:
        name, held = self._name_and(self.office.said.meetings, box)
        if held:
            self.office.unschedule(name, _pick(held, number))

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

    @rule(number=which, email=st.one_of(anybody))
    def an_address_is_added(self, number: int, email: str) -> None:
        if person := _pick(self.office.people(), number):
            self.office.edit(editing.add_address, person, email)

    @rule(number=which, address=which)
    def an_address_is_removed(self, number: int, address: int) -> None:
        person = _pick(self.office.people(), number)
        if person and (own := _pick(person.addresses.order_by("pk"), address)):
            self.office.edit(editing.remove_address, person, own)

    @rule(number=which, domain=st.sampled_from(DOMAINS))
    def a_domain_is_added(self, number: int, domain: str) -> None:
        if company := _pick(self.office.companies(), number):
            self.office.edit(editing.add_domain, company, domain)

    @rule(number=which, domain=st.sampled_from(DOMAINS))
    def a_domain_is_removed(self, number: int, domain: str) -> None:
        if company := _pick(self.office.companies(), number):
            self.office.edit(editing.remove_domain, company, domain)

    @rule(number=which, to=which, leaves=st.booleans())
    def somebody_changes_job(self, number: int, to: int, leaves: bool) -> None:
        if person := _pick(self.office.people(), number):
            self.office.edit(editing.move_person, person, None if leaves else _pick(self.office.companies(), to))

    @rule(number=which, into=which)
    def people_are_merged(self, number: int, into: int) -> None:
        if people := self.office.people():
            self.office.edit(editing.merge, _pick(people, number), _pick(people, into))

    @rule(number=which, into=which)
    def companies_are_merged(self, number: int, into: int) -> None:
        if companies := self.office.companies():
            self.office.edit(editing.merge, _pick(companies, number), _pick(companies, into))

    @rule(number=which)
    def a_record_is_deleted(self, number: int) -> None:
        if record := _pick([*self.office.people(), *self.office.companies()], number):
            self.office.edit(editing.delete_record, record)

    @rule(number=which)
    def a_record_is_renamed(self, number: int) -> None:
        if record := _pick([*self.office.people(), *self.office.companies()], number):
            self.office.edit(editing.rename, record, "Somebody else")

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

    @rule()
    def a_colleague_joins(self) -> None:
        if "zed" not in self.office.desk.members:
            self.office.join("zed")

    @rule(name=names, email=st.sampled_from(CLAIMABLE))
    def somebody_turns_out_to_be_a_member(self, name: str, email: str) -> None:
        self.office.claim(name, email)

    @rule(name=names, email=st.sampled_from(CLAIMABLE))
    def a_mailbox_gets_an_alias(self, name: str, email: str) -> None:
        if name in self.office.connected():
            self.office.give_alias(name, email)

    # What must hold

    @invariant()
    def every_answer_is_right(self) -> None:
        if self.may_rest:  # something happens before the sweep sees what has started
            self.may_rest = False
            return
        assert self.office.wrong() == []

    @invariant()
    def nobody_appears_uncalled(self) -> None:
        workspace = self.office.desk.workspace
        self.reached |= written_to(self.office.said, workspace.pk)
        people = Address.objects.filter(workspace=workspace, person__isnull=False)
        found = {("person", address.person_id): address.email for address in people}
        for row in CompanyDomain.objects.filter(workspace=workspace):
            found["company", row.company_id] = row.domain
        fresh = {key: value for key, value in found.items() if key not in self.known}
        self.known |= found.keys()
        if self.enhanced:
            named = {contact(value) if "@" in value else Contact("", value) for value in fresh.values()}
            reached = {one.email if one.is_freemail else one.domain for one in named}
            assert reached - self.reached == set()

    def _letter(self, letter: dict[str, Any], reply: int) -> Mail:
        self.count += 1
        days, hour = letter["age"]
        at = min(_on_day(self.office.now, -days, hour), self.office.now)
        earlier = self.office.now if letter["trust"] != "received earlier" else at - timedelta(hours=5)
        dates = {"no date": None, "old date": at.replace(year=1985, day=1)}
        parent = _pick(self.letters, reply)
        made = Mail(
            f"{self.count}@x",
            letter["sender"],
            letter["to"],
            letter["cc"],
            date=dates.get(letter["trust"], at),
            received=at if letter["trust"] in dates else earlier,
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

    def _changed(
        self, meetings: tuple[Meeting, ...], place: int, change: tuple, sequence: bool
    ) -> tuple[Meeting, ...]:
        one, (what, number, value) = meetings[place], change
        answers = dict(one.answers)
        if what == "answer":
            answers[_pick(answers, number)] = value
        elif what == "invite":
            answers.setdefault(value, "needs_action")
        elif what == "leave out" and len(answers) > 1:
            answers.pop(_pick(answers, number))
        elif what == "drop" and len(meetings) > 1:
            return meetings[:place] + meetings[place + 1 :]
        moved = one.at + timedelta(days=number) if what == "move" else one.at
        new = replace(
            one,
            answers=tuple(answers.items()),
            at=moved,
            status=value if what == "status" else one.status,
            sequence=one.sequence + sequence,
            last_modified=self.office.now if what == "touch" else one.last_modified,
        )
        return (*meetings[:place], new, *meetings[place + 1 :])

    def _names(self, into: list[int]) -> list[str]:
        connected = self.office.connected()
        return sorted({_pick(connected, number) for number in into} - {None})

    def _name_and(self, held: dict[int, Any], number: int) -> tuple[str, Any]:
        name = _pick(self.office.connected(), number)
        return name, held[self.office.desk.mailboxes[name].pk] if name else {}


def _on_day(now: datetime, days: int, hour: time) -> datetime:
    return datetime.combine((now + timedelta(days=days)).date(), hour, now.tzinfo)


BY_HAND = int(os.environ.get("RAPPORT_EXAMPLES", "0"))


def test_every_answer_follows_whatever_happens() -> None:
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=BY_HAND or 25,
            stateful_step_count=25,
            derandomize=not BY_HAND,
            database=None,
            deadline=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
