"""Every fault of an Exchange server × where it strikes, as in `test_matrix`. What must come of it is
written down here, beforehand. A sample in every run; all with RAPPORT_FAULTS=full."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from crm.models import Notification
from mailboxes.models import MailboxState, SyncStream
from mailboxes.providers.exchange import protocol as exchange_protocol
from tests.fakes.ews_calendar import Calendar
from tests.fakes.ews_soap import Refusal, refused, response
from tests.fakes.faults import Fault
from tests.mailboxes.faults.grid import GridCell, cells_of
from tests.mailboxes.faults.test_account import Clean, read_twice, today
from tests.mailboxes.faults.test_content import content, unlike
from tests.mailboxes.faults.test_exchange_world import (
    BATCH,
    EXCHANGE_SIDES,
    SERVICE,
    ExchangeAccount,
    clean_exchange,
    event_in,
    exchange_account,
    letter_in,
    short_answers,
)
from tests.mailboxes.faults.test_matrix import IS_FULL
from tests.mailboxes.faults.test_world import ADA

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("today", "short_answers")]
__all__ = ["short_answers", "today"]

# “=” ends like a clean reading. “R”: the mailbox needs reconnecting, for a password is not renewed by
# itself. “S”: it is no longer read, and its last error says what to do. “-” does not happen there: only
# listings have positions and pages, and what is gone before anything is listed is no fault. The columns
# are the places in `PLACES`.
EXPECTED = """
                     | exchange mail | exchange calendar
cursor void          | - = - =       | - = - - =
401 once             | R R R R       | R R R R R
401 for ever         | R R R R       | R R R R R
role taken away      | S S S S       | S S S S S
busy                 | = = = =       | = = = = =
busy back-off        | = = = =       | = = = = =
busy within          | = = = =       | = = = = =
busy within back-off | = = = =       | = = = = =
503 seconds          | = = = =       | = = = = =
503                  | = = = =       | = = = = =
timeout              | = = = =       | = = = = =
empty page           | = = - =       | = = - - =
duplicates           | = = - =       | = = - - =
reordering           | = = - =       | = = - - =
truncated            | = = = =       | = = = = =
reset                | = = = =       | = = = = =
folder gone          | - = = =       | - = = = =
item gone            | - = = =       | - = = - =
"""

# How the first run that failed leaves the stream: failures counted, and the least and the most seconds
# until the next one. Faults that are not here are dealt with on the way, and no run fails.
JITTER, ASKED_FOR = (1, 15.0, 30.0), (1, 7.0, 7.0)
PAUSES = {
    **dict.fromkeys(("busy", "busy within", "503", "timeout", "truncated", "reset"), JITTER),
    **dict.fromkeys(("busy back-off", "busy within back-off", "503 seconds"), ASKED_FOR),
}
# No folders at all: believing it would mean that all mail is gone.
NOT_BELIEVED = ("empty page", "folders")

SAID = {
    "R": "The Exchange server does not accept this user name and password.",
    "S": "An administrator of Exchange has to give it the role ApplicationImpersonation",
}
SECONDS_TO_READ = 0.5
MOST_SECONDS_ASLEEP = 2.0


@dataclass(frozen=True)
class Place:
    """Which request is spoilt, in the first reading or in the one after the change; of how many items
    it asks; and which letter or event goes away there, one that has been listed and not fetched."""

    name: str
    operation: str
    call: int
    items: int = 1
    victim: str = ""
    is_later: bool = False


PLACES = {
    "exchange mail": (
        Place("folders", "FindFolder", 1),
        Place("listing", "SyncFolderItems", 3, victim="39"),
        Place("fetching", "GetItem", 2, BATCH, victim="1"),
        Place("changes", "SyncFolderItems", 2, victim="106", is_later=True),
    ),
    "exchange calendar": (
        Place("folders", "FindFolder", 1),
        Place("listing", "SyncFolderItems", 2, victim="Meeting 15"),
        Place("fetching", "GetItem", 3, BATCH, victim="Meeting 20"),
        # Of the three series, which are in the first batch.
        Place("exceptions", "GetItem", 2, 3),
        Place("changes", "SyncFolderItems", 2, victim="New 1", is_later=True),
    ),
}

# What a fault may cost on top of a clean reading: a run that failed asks again for the folders, for what
# has changed in each of them, and for the batch that was spoilt; a void position, for a whole folder.
MOST_MORE = {"exchange mail": 12, "exchange calendar": 11}


Cell = GridCell[Place]
CELLS = tuple(cells_of(EXPECTED, PLACES))

# Where a mistake would cost most: all mail gone, half a folder believed, or half an event stored.
ALWAYS = {
    ("cursor void", "listing"),
    ("empty page", "folders"),
    ("folder gone", "listing"),
    ("busy within back-off", "exceptions"),
}


def sample() -> list[Cell]:
    """Each fault once, on the other side and at the next place from row to row; and those above."""
    sides, chosen = tuple(EXCHANGE_SIDES), set()
    for at, fault in enumerate(FAULTS):
        same = [cell for cell in CELLS if (cell.fault, cell.side) == (fault, sides[at % 2])]
        chosen.add(same[(at // 2) % len(same)])
    return [cell for cell in CELLS if cell in chosen or (cell.fault, cell.place.name) in ALWAYS]


# Faults.


def inflict(one: ExchangeAccount, cell: Cell) -> Fault:
    """The fault that has to strike; `fault_ends` of the account ends it."""
    one.fault_ends = one.fake.faults.clear
    return FAULTS[cell.fault](one, cell)


def _on(one: ExchangeAccount, cell: Cell, **more: Any) -> Fault:
    return one.fake.on(cell.place.operation, **{"call": cell.place.call} | more)


def _with(**more: Any) -> Callable[[ExchangeAccount, Cell], Fault]:
    return lambda one, cell: _on(one, cell, **more)


def _busy(**more: Any) -> Callable[[ExchangeAccount, Cell], Fault]:
    def busy(one: ExchangeAccount, cell: Cell) -> Fault:
        return one.fake.fails(cell.place.operation, "ErrorServerBusy", call=cell.place.call, **more)

    return busy


def _busy_within(back_off: str = "") -> Callable[[ExchangeAccount, Cell], Fault]:
    """In the message of each thing that was asked for."""
    refusal = Refusal("ErrorServerBusy", values={"BackOffMilliseconds": back_off} if back_off else {})

    def busy(one: ExchangeAccount, cell: Cell) -> Fault:
        operation = cell.place.operation
        messages = [refused(operation, refusal) for _ in range(cell.place.items)]
        return _on(one, cell, body=response(operation, messages).body)

    return busy


def _void(one: ExchangeAccount, cell: Cell) -> Fault:
    return _on(one, cell, run=one.fake.mailbox(ADA).forget_state)


def _other_password(one: ExchangeAccount, cell: Cell) -> Fault:
    def replace() -> None:
        one.fake.account(one.username).password = "another"

    return _on(one, cell, run=replace)


def _role_taken(one: ExchangeAccount, cell: Cell) -> Fault:
    def take() -> None:
        one.fake.account(SERVICE).may_impersonate = False

    return _on(one, cell, run=take)


def _gone(one: ExchangeAccount, cell: Cell) -> Fault:
    return _on(one, cell, run=lambda: GONE[cell.fault](one, cell.place))


FAULTS: dict[str, Callable[[ExchangeAccount, Cell], Fault]] = {
    "cursor void": _void,
    "401 once": _with(status=401),
    "401 for ever": _other_password,
    "role taken away": _role_taken,
    "busy": _busy(),
    "busy back-off": _busy(back_off=7000),
    "busy within": _busy_within(),
    "busy within back-off": _busy_within("7000"),
    "503 seconds": _with(status=503, retry_after=7),
    "503": _with(status=503),
    "timeout": _with(hang="until released"),
    "empty page": _with(page="empty"),
    "duplicates": _with(page="duplicated", call=None),
    "reordering": _with(page="reversed", call=None),
    "truncated": _with(truncate=True),
    "reset": _with(reset=True),
    "folder gone": _gone,
    "item gone": _gone,
}


# What goes away for good. The reading to compare with is one in which it had gone before anybody asked.


def _lose_folder(one: ExchangeAccount, place: Place) -> None:
    one.fake.mailbox(ADA).delete_folder("Old")


def _lose_item(one: ExchangeAccount, place: Place) -> None:
    box = one.fake.mailbox(ADA)
    if one.side.stream == "mail":
        box.delete(letter_in(box, int(place.victim)))
        return
    folder = "Team" if place.name == "fetching" else "calendar"
    box.delete(event_in(Calendar(box, box.folder(folder).id), place.victim))


GONE = {"folder gone": _lose_folder, "item gone": _lose_item}


@cache
def wanted_of(cell: Cell) -> Clean:
    lose = GONE.get(cell.fault)
    if lose is None:
        return clean_exchange(cell.side)
    with exchange_account(EXCHANGE_SIDES[cell.side]) as one:
        if cell.place.is_later:
            return read_twice(one, before_reading_again=lambda: lose(one, cell.place))
        lose(one, cell.place)
        return read_twice(one)


# The matrix.


@pytest.mark.parametrize("cell", CELLS if IS_FULL else sample(), ids=str)
def test_after_a_fault_of_exchange_all_is_as_if_it_had_not_been(
    cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, slept = wanted_of(cell), list[float]()
    monkeypatch.setattr(time, "sleep", slept.append)
    if cell.fault == "timeout":
        monkeypatch.setattr(exchange_protocol._OwnSession, "TIMEOUT", SECONDS_TO_READ)

    with exchange_account(EXCHANGE_SIDES[cell.side], acts_for=cell.expected == "S") as one:
        fault = _read_with(one, cell, wanted)
        found, asked = content(), len(one.asked())
        _check_pause(cell, one.failed)

    assert unlike(found, wanted.content) == []
    assert fault.struck >= 1
    assert asked - wanted.asked <= MOST_MORE[cell.side]
    assert [seconds for seconds in slept if seconds > MOST_SECONDS_ASLEEP] == []


def _read_with(one: ExchangeAccount, cell: Cell, wanted: Clean) -> Fault:
    fault = None if cell.place.is_later else inflict(one, cell)
    _read(one, cell)
    if fault:
        _check_end(one, cell)
        assert unlike(content(), wanted.first) == []
    one.change()
    fault = fault or inflict(one, cell)
    _read(one, cell)
    if cell.place.is_later:
        _check_end(one, cell)
    return fault


def _read(one: ExchangeAccount, cell: Cell) -> None:
    one.read()
    if cell.fault in GONE:
        # No run fails. What went while it was being read is missed by the next one.
        one.read()


def _check_end(one: ExchangeAccount, cell: Cell) -> None:
    """Of what nobody but the owner can end: it is said once, nothing more is asked, and when he has
    done it, reading goes on."""
    one.mailbox.refresh_from_db()
    asked, stream = len(one.asked()), one.stream
    told = Notification.objects.filter(kind="needs_reconnect").count()
    state = {"R": MailboxState.NEEDS_RECONNECT}.get(cell.expected, MailboxState.ACTIVE)
    assert (one.mailbox.state, told) == (state, int(cell.expected == "R"))
    if cell.expected == "=":
        assert (stream.last_error, stream.failures) == ("", 0)
        return
    assert SAID[cell.expected] in stream.last_error
    assert (one.run(), len(one.asked())) == (False, asked)
    one.fake.faults.clear()
    one.fake.account(SERVICE).may_impersonate = True
    one.reconnect()
    one.read()
    assert one.stream.last_error == ""


def _check_pause(cell: Cell, failed: SyncStream | None) -> None:
    if cell.expected != "=":
        return
    is_believed = (cell.fault, cell.place.name) != NOT_BELIEVED
    pause = PAUSES.get(cell.fault) if is_believed else JITTER
    if pause is None:
        assert failed is None, failed.last_error
        return
    assert failed and failed.due_at and failed.last_run_at, cell.fault
    seconds = (failed.due_at - failed.last_run_at).total_seconds()
    assert failed.failures == pause[0]
    assert pause[1] - 0.1 <= seconds <= pause[2] + 0.1


def test_the_sample_has_every_fault_of_exchange_and_every_place() -> None:
    assert {cell.fault for cell in sample()} == {cell.fault for cell in CELLS} == set(FAULTS)
    assert {(cell.side, cell.place) for cell in sample()} == {
        (s, p) for s, all in PLACES.items() for p in all
    }
    assert len(CELLS) == 143
