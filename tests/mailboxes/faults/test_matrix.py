"""Every fault of a provider read by consent × where it strikes. What must come of it is written down
here, beforehand: once the fault is over, what is stored equals a reading without it, or the mailbox
says what its owner has to do, and does equal it when that is done. A sample in every run; all with
RAPPORT_FAULTS=full."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from crm.models import Notification
from mailboxes.models import MailboxKind, MailboxState, SyncStream
from tests.fakes.faults import Fault
from tests.fakes.google_grants import AUTH
from tests.mailboxes.faults.grid import GridCell, cells_of
from tests.mailboxes.faults.test_account import Account, account, clean, short_pages, today
from tests.mailboxes.faults.test_content import content, unlike
from tests.mailboxes.faults.test_world import ADA, SIDES

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("today", "short_pages")]
__all__ = ["short_pages", "today"]

IS_FULL = os.environ.get("RAPPORT_FAULTS") == "full"

# “=” ends like a clean reading. “R”: the mailbox needs reconnecting. “S”: it is no longer read, and its
# last error says what to do. “-” does not happen there: pages are of listings, connections of whole
# batches, and a Google calendar is fetched without batches; one calendar of several that is closed to us is
# passed over (see `test_parts`). The columns are the places in `PLACES`.
EXPECTED = """
                | gmail    | google calendar | graph mail | graph calendar
cursor void     | = = - =  | = = =           | = = - =    | = = = - =
401 once        | = = = =  | = = =           | = = = =    | = = = = =
401 for ever    | R R R R  | R R R           | R R R R    | R R R R R
refresh revoked | R R R R  | R R R           | R R R R    | R R R R R
refresh 503     | = = = =  | = = =           | = = = =    | = = = = =
403             | = = = =  | = = =           | S S S S    | - - S = -
429 seconds     | = = = =  | = = =           | = = = =    | = = = = =
429 date        | = = = =  | = = =           | = = = =    | = = = = =
429             | = = = =  | = = =           | = = = =    | = = = = =
503 seconds     | = = = =  | = = =           | = = = =    | = = = = =
503             | = = = =  | = = =           | = = = =    | = = = = =
timeout         | = = - =  | = = =           | = = - =    | = = = - =
empty page      | = - - =  | = - =           | = - - =    | = = - - =
duplicates      | = - - =  | = - =           | = - - =    | = = - - =
reordering      | = - - =  | = - =           | = - - =    | = = - - =
truncated       | = = - =  | = = =           | = = - =    | = = = - =
reset           | = = - =  | = = =           | = = - =    | = = = - =
token expires   | = = = =  | = = =           | = = = =    | = = = = =
scope missing   | S S S S  | S S S           | S S S S    | S S S S S
"""

# How the first run that failed leaves the stream: failures counted, and the least and the most seconds
# until the next one. Faults that are not here are dealt with on the way, and no run fails.
JITTER, MINUTE = (1, 15.0, 30.0), (0, 60.0, 60.0)
PAUSES: dict[tuple[str, ...], tuple[int, float, float]] = {
    # What is refused by itself waits for the next poll.
    **{("503", kind, "part"): (0, 300.0, 300.0) for kind in ("google", "microsoft")},
    ("403", "microsoft", "part"): (0, 300.0, 300.0),
    ("503", "google", "event"): (0, 300.0, 300.0),
    ("refresh 503", "google"): JITTER,
    ("refresh 503", "microsoft"): JITTER,
    ("403", "google"): MINUTE,
    ("429 seconds", "google"): (0, 7.0, 7.0),
    ("429 seconds", "microsoft"): (0, 7.0, 7.0),
    ("429 date", "google"): (0, 17.0, 20.0),
    ("429 date", "microsoft"): (0, 17.0, 20.0),
    ("429", "google"): MINUTE,
    ("429", "microsoft"): JITTER,
    ("503 seconds", "google"): (1, 7.0, 7.0),
    ("503 seconds", "microsoft"): (1, 7.0, 7.0),
    **{
        (fault, kind): JITTER
        for fault in ("503", "timeout", "truncated", "reset")
        for kind in ("google", "microsoft")
    },
}

SAID = {
    "google": "Reconnect the account and leave every box ticked.",
    "microsoft": "Reconnect the account, or ask your organisation’s administrator.",
}
SCOPES = {
    "gmail": f"{AUTH}gmail.readonly",
    "google calendar": f"{AUTH}calendar.events.readonly",
    "graph mail": "Mail.Read",
    "graph calendar": "Calendars.Read",
}


@dataclass(frozen=True)
class Place:
    """Which request is spoilt, in the first reading or in the one after the change."""

    name: str
    method: str
    path: str
    call: int
    is_later: bool = False


_GMAIL, _CALENDAR = "/gmail/v1/users/me", "/calendar/v3/calendars/.../events"
_OUTLOOK, _GRAPH = "/v1.0/me/mailFolders/.../messages/delta", "/v1.0/me/calendars/.../events"
_BATCH, _VIEW = "/v1.0/$batch", "/v1.0/me/calendars/.../calendarView/delta"
PLACES = {
    "gmail": (
        # Drafts and chats are listed before, to be left out.
        Place("listing", "GET", f"{_GMAIL}/messages", 5),
        Place("fetching", "POST", "/batch/gmail/v1", 2),
        Place("part", "GET", f"{_GMAIL}/messages/...", 7),
        Place("changes", "GET", f"{_GMAIL}/history", 2, is_later=True),
    ),
    "google calendar": (
        Place("listing", "GET", _CALENDAR, 2),
        # The first time, what is listed is all that there is to fetch.
        Place("event", "GET", f"{_CALENDAR}/...", 2, is_later=True),
        Place("changes", "GET", _CALENDAR, 2, is_later=True),
    ),
    "graph mail": (
        Place("listing", "GET", _OUTLOOK, 3),
        # The first batch asks for the folders that are not read.
        Place("fetching", "POST", _BATCH, 3),
        Place("part", "GET", "/v1.0/me/messages/.../$value", 7),
        Place("changes", "GET", _OUTLOOK, 3, is_later=True),
    ),
    "graph calendar": (
        Place("view", "GET", _VIEW, 2),
        Place("listing", "GET", _GRAPH, 2),
        Place("fetching", "POST", _BATCH, 2),
        Place("part", "GET", "/v1.0/me/events/...", 7),
        Place("changes", "GET", _VIEW, 2, is_later=True),
    ),
}

# What a fault may cost on top of a clean reading. A run that failed asks again for what comes before the
# place where it stopped (drafts and chats, the calendars, or the folders with a batch of ten that are not
# read), and for the batch that was spoilt with its twenty parts, besides what was on its way already; a
# void cursor, for a whole listing.
MOST_MORE = {"gmail": 28, "google calendar": 10, "graph mail": 45, "graph calendar": 30}
# Where the parts of a batch find its token to be none, it comes once more, with another token; and so may
# all three that there are, as each is sent while the one before is still being looked at.
BATCH_AGAIN = 3 * 21
MOST_RENEWALS = 2


Cell = GridCell[Place]
CELLS = tuple(cells_of(EXPECTED, PLACES))

# Where a mistake would cost most: unheard among the parts of a batch, or in a listing that was half done.
ALWAYS = {
    ("401 once", "part"),
    ("cursor void", "listing"),
    ("cursor void", "view"),
    ("reordering", "listing"),
    ("token expires", "fetching"),
    ("token expires", "part"),
}


def sample() -> list[Cell]:
    """Each fault at one place of each provider, the next one from row to row; and those above."""
    together: dict[tuple[str, str], list[Cell]] = {}
    for cell in CELLS:
        together.setdefault((cell.fault, cell.side), []).append(cell)
    rows, sides = enumerate(together.values()), len(PLACES)
    chosen = {same[(at // sides + at % sides) % len(same)] for at, same in rows}
    return [cell for cell in CELLS if cell in chosen or (cell.fault, cell.place.name) in ALWAYS]


# Faults.


def inflict(one: Account, cell: Cell) -> Fault:
    """The fault that has to strike; `fault_ends` of the account ends it."""
    one.fault_ends = one.fake.faults.clear
    return FAULTS[cell.fault](one, cell)


def _on(one: Account, cell: Cell, **more: Any) -> Fault:
    more = {"call": cell.place.call} | more
    return one.fake.faults.on(cell.place.method, cell.place.path, **more)


def _with(**more: Any) -> Callable[[Account, Cell], Fault]:
    return lambda one, cell: _on(one, cell, **more)


def _from_then_on(one: Account, cell: Cell) -> Fault:
    return _on(one, cell, status=401, call=range(cell.place.call, 10_000))


def _void(one: Account, cell: Cell) -> Fault:
    """Google's page tokens are not bound to the state, so that one of them has to be refused."""
    is_google = one.side.kind == MailboxKind.GOOGLE
    if is_google and cell.place.name == "listing":
        return _on(one, cell, status=400, reason="invalid")
    forget = {
        "gmail": lambda: one.fake.mailbox(ADA).forget_history(),
        "google calendar": lambda: one.fake.calendar(ADA).expire_sync_tokens(),
        "graph mail": lambda: one.fake.mailbox(ADA).forget_state(),
        "graph calendar": lambda: one.fake.calendar(ADA).forget_state(),
    }[cell.side]
    return _on(one, cell, run=forget)


def _revoked(one: Account, cell: Cell) -> Fault:
    def revoke() -> None:
        one.fake.revoke(ADA)
        one.fake.expire_access(ADA)

    return _on(one, cell, run=revoke)


def _renewing_fails(one: Account, cell: Cell) -> Fault:
    one.fake.faults.on("POST", one.side.token_path, status=503)
    return _expires(one, cell)


def _expires(one: Account, cell: Cell) -> Fault:
    return _on(one, cell, run=lambda: one.fake.expire_access(ADA))


def _withheld(one: Account, cell: Cell) -> Fault:
    return _on(one, cell, run=lambda: one.fake.withhold(ADA, SCOPES[cell.side]))


def _dated(one: Account, cell: Cell) -> Fault:
    at = datetime.now(UTC) + timedelta(seconds=20)
    return _on(one, cell, status=429, retry_after=format_datetime(at, usegmt=True))


def _forbidden(one: Account, cell: Cell) -> Fault:
    is_google = one.side.kind == MailboxKind.GOOGLE
    return _on(one, cell, status=403, reason="rateLimitExceeded" if is_google else "")


FAULTS: dict[str, Callable[[Account, Cell], Fault]] = {
    "cursor void": _void,
    "401 once": _with(status=401),
    "401 for ever": _from_then_on,
    "refresh revoked": _revoked,
    "refresh 503": _renewing_fails,
    "403": _forbidden,
    "429 seconds": _with(status=429, retry_after=7),
    "429 date": _dated,
    "429": _with(status=429),
    "503 seconds": _with(status=503, retry_after=7),
    "503": _with(status=503),
    "timeout": _with(hang="until released"),
    "empty page": _with(page="empty"),
    "duplicates": _with(page="duplicated", call=None),
    "reordering": _with(page="reversed", call=None),
    "truncated": _with(truncate=True),
    "reset": _with(reset=True),
    "token expires": _expires,
    "scope missing": _withheld,
}


# The matrix.


@pytest.mark.parametrize("cell", CELLS if IS_FULL else sample(), ids=str)
def test_after_a_fault_all_is_as_if_it_had_not_been(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = clean(cell.side)
    if cell.fault == "timeout":
        monkeypatch.setattr("mailboxes.egress.READ_SECONDS", 0.5)

    with account(SIDES[cell.side]) as one:
        fault = _read_with(one, cell)
        found, asked, renewed = content(), len(one.asked()), len(one.renewals())
        _check_pause(cell, one.failed)

    assert unlike(found, wanted.content) == []
    assert fault.struck >= 1
    most = MOST_MORE[cell.side] + (BATCH_AGAIN if cell.place.name == "part" else 0)
    assert asked - wanted.asked <= most
    assert renewed <= MOST_RENEWALS


def _read_with(one: Account, cell: Cell) -> Fault:
    fault = None if cell.place.is_later else inflict(one, cell)
    one.read()
    if fault:
        _check_end(one, cell)
        assert unlike(content(), clean(cell.side).first) == []
    one.change()
    fault = fault or inflict(one, cell)
    one.read()
    if cell.place.is_later:
        _check_end(one, cell)
    return fault


def _check_end(one: Account, cell: Cell) -> None:
    """Of what nobody but the owner can end: it is said once, nothing more is asked, and when he has
    done it, reading goes on."""
    one.mailbox.refresh_from_db()
    asked, stream = len(one.fake.log.calls), one.stream
    told = Notification.objects.filter(kind="needs_reconnect").count()
    state = {"R": MailboxState.NEEDS_RECONNECT}.get(cell.expected, MailboxState.ACTIVE)
    assert (one.mailbox.state, told) == (state, int(cell.expected == "R"))
    if cell.expected == "=":
        assert (stream.last_error, stream.failures) == ("", 0)
        return
    if cell.expected == "S":
        assert SAID[one.side.kind] in stream.last_error
    assert (one.run(), len(one.fake.log.calls)) == (False, asked)
    one.fake.faults.clear()
    one.reconnect()
    one.read()
    assert one.stream.last_error == ""


def _check_pause(cell: Cell, failed: SyncStream | None) -> None:
    if cell.expected != "=":
        return
    about = (cell.fault, SIDES[cell.side].kind.value)
    pause = PAUSES.get((*about, cell.place.name)) or PAUSES.get(about)
    if pause is None:
        assert failed is None, failed.last_error
        return
    assert failed and failed.due_at and failed.last_run_at, cell.fault
    seconds = (failed.due_at - failed.last_run_at).total_seconds()
    assert failed.failures == pause[0]
    assert pause[1] - 0.1 <= seconds <= pause[2] + 0.1


def test_the_sample_has_every_fault_of_every_provider() -> None:
    chosen = {(cell.fault, cell.side) for cell in sample()}

    assert chosen == {(cell.fault, cell.side) for cell in CELLS} == {(f, s) for f in FAULTS for s in SIDES}
    assert len(CELLS) == 268
