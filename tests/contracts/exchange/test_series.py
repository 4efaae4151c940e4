"""The fake of Exchange: series with their exceptions, and views of a calendar."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from exchangelib import EWSDateTime, EWSTimeZone
from exchangelib.items import CalendarItem as Shown
from exchangelib.properties import OccurrenceItemId, RecurringMasterItemId
from exchangelib.recurrence import DailyPattern, NoEndPattern, NumberedPattern, WeeklyPattern

from tests.contracts.exchange.asking import (
    ADA,
    ADAS,
    BEN,
    BENS,
    CALENDAR,
    INBOX,
    NOON,
    SERIES,
    account,
    ask,
    changes,
    codes,
    fetched,
    found,
    get_item,
    ics,
    shape,
    state_of,
    sync,
    texts,
)
from tests.fakes.ews_calendar import Calendar, invited
from tests.fakes.exchange import Exchange

BERLIN = ZoneInfo("Europe/Berlin")


def viewed(fake: Exchange, start: date, end: date) -> list[Shown]:
    """In UTC, as a day begins and ends there."""
    utc = EWSTimeZone("UTC")
    bounds = [EWSDateTime(one.year, one.month, one.day, tzinfo=utc) for one in (start, end)]
    view = account(fake).calendar.view(start=bounds[0], end=bounds[1])
    return list(view.only("subject", "start", "end", "type", "original_start", "is_all_day", "uid"))


def view(start: str, end: str, *, most: str = "", folder: str = CALENDAR, more: str = "") -> str:
    limit = f' MaxEntriesReturned="{most}"' if most else ""
    asked = f'<m:CalendarView StartDate="{start}" EndDate="{end}"{limit}/>{more}'
    parents = f"<m:ParentFolderIds>{folder}</m:ParentFolderIds>"
    return f'<m:FindItem Traversal="Shallow">{shape("calendar:Start")}{asked}{parents}</m:FindItem>'


def test_series_are_masters_with_a_rule(fake: Exchange, calendar: Calendar) -> None:
    item = calendar.import_ics(ics(f"{SERIES};COUNT=3"))[0]

    answer = ask(fake, get_item(item, shape=shape("calendar:Recurrence")))
    shown = fetched(fake, item)[0]

    assert (shown.type, shown.start) == ("RecurringMaster", datetime(2026, 3, 23, 9, tzinfo=UTC))
    assert shown.recurrence.pattern == WeeklyPattern(interval=1, weekdays=[1], first_day_of_week=1)
    assert isinstance(shown.recurrence.boundary, NumberedPattern)
    assert shown.recurrence.boundary.number == 3
    assert texts(answer, "StartDate") == ["2026-03-23+01:00"]
    assert (shown.first_occurrence.start, shown.last_occurrence.start) == (
        datetime(2026, 3, 23, 9, tzinfo=UTC),
        datetime(2026, 4, 6, 8, tzinfo=UTC),
    )
    assert (shown.modified_occurrences, shown.deleted_occurrences) == (None, None)


def test_masters_are_recurring_for_attendees_only(fake: Exchange, calendar: Calendar) -> None:
    own = calendar.import_ics(ics(f"UID:a\n{SERIES}"))[0]
    bens = calendar.import_ics(ics(f"UID:b\n{SERIES}\n{BENS}\nATTENDEE:mailto:{ADA}"))[0]

    assert [one.is_recurring for one in fetched(fake, own, bens)] == [False, True]


def test_series_without_an_end_have_no_last_occurrence(fake: Exchange, calendar: Calendar) -> None:
    item = calendar.add("Daily", NOON, NOON + timedelta(hours=1), rule="FREQ=DAILY;INTERVAL=2")

    shown = fetched(fake, item)[0]

    assert shown.recurrence.pattern == DailyPattern(interval=2)
    assert isinstance(shown.recurrence.boundary, NoEndPattern)
    assert (shown.first_occurrence.start, shown.last_occurrence) == (NOON, None)


def test_exceptions_and_deletions_belong_to_the_series(fake: Exchange, calendar: Calendar) -> None:
    excluded = "EXDATE;TZID=Europe/Berlin:20260330T100000,20260331T100000"
    moved = "RECURRENCE-ID;TZID=Europe/Berlin:20260406T100000\nDTSTART:20260407T120000Z\nDURATION:PT2H\nSUMMARY:Moved"

    items = calendar.import_ics(ics(f"{SERIES};COUNT=4\n{excluded}", moved))
    shown = fetched(fake, items[0])[0]

    assert len(items) == 1
    assert [one.start for one in shown.deleted_occurrences] == [datetime(2026, 3, 30, 8, tzinfo=UTC)]
    changed = shown.modified_occurrences[0]
    assert (changed.start, changed.end, changed.original_start) == (
        datetime(2026, 4, 7, 12, tzinfo=UTC),
        datetime(2026, 4, 7, 14, tzinfo=UTC),
        datetime(2026, 4, 6, 8, tzinfo=UTC),
    )
    exception = fetched(fake, changed.id)[0]
    assert (exception.type, exception.subject, exception.uid) == ("Exception", "Moved", "u1")
    assert exception.original_start == exception.recurrence_id == datetime(2026, 4, 6, 8, tzinfo=UTC)
    assert exception.id not in items


def test_cancelled_occurrences_are_gone_for_the_organiser_and_marked_for_others(fake: Exchange) -> None:
    cancelled = "RECURRENCE-ID;TZID=Europe/Berlin:20260330T100000\nSTATUS:CANCELLED\nDTSTART:20260330T080000Z"

    def imported(who: str) -> Shown:
        people = f"{who}\nATTENDEE:mailto:{ADA}\nATTENDEE:mailto:{BEN}"
        raw = ics(f"{SERIES};COUNT=3\n{people}", f"{cancelled}\nDURATION:PT1H\n{people}")
        return fetched(fake, fake.calendar(ADA).import_ics(raw)[0])[0]

    own = imported(ADAS)
    bens = imported(BENS)

    assert (len(own.deleted_occurrences), own.modified_occurrences) == (1, None)
    assert (bens.deleted_occurrences, len(bens.modified_occurrences)) == (None, 1)
    assert fetched(fake, bens.modified_occurrences[0].id)[0].is_cancelled is True


def test_views_have_occurrences_at_the_same_hour_all_year(fake: Exchange, calendar: Calendar) -> None:
    moved = "RECURRENCE-ID;TZID=Europe/Berlin:20260406T100000\nDTSTART:20260407T120000Z\nDURATION:PT1H\nSUMMARY:Moved"
    excluded = "EXDATE;TZID=Europe/Berlin:20260413T100000"
    calendar.import_ics(ics(f"{SERIES};COUNT=5\nSUMMARY:Weekly\n{excluded}", moved))
    calendar.import_ics(ics("UID:d\nSUMMARY:Days\nDTSTART;VALUE=DATE:20260401"))

    shown = viewed(fake, date(2026, 3, 20), date(2026, 4, 20))

    assert [(one.subject, one.type, str(one.start)) for one in shown] == [
        ("Weekly", "Occurrence", "2026-03-23 09:00:00+00:00"),
        ("Weekly", "Occurrence", "2026-03-30 08:00:00+00:00"),
        ("Days", "Single", "2026-04-01"),
        ("Moved", "Exception", "2026-04-07 12:00:00+00:00"),
    ]
    assert [one.original_start for one in shown if one.type != "Single"][-1] == datetime(
        2026, 4, 6, 8, tzinfo=UTC
    )
    assert len({one.id for one in shown}) == 4


def test_views_have_limits(fake: Exchange, calendar: Calendar) -> None:
    calendar.add("Daily", NOON, NOON + timedelta(hours=1), rule="FREQ=DAILY")
    start, week = "2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z"

    some = ask(fake, view(start, week, most="3"))
    order = '<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="item:Subject"/></t:FieldOrder></m:SortOrder>'

    assert len(found(some, "CalendarItem")) == 3
    assert dict(found(some, "RootFolder")[0].attrib) == {
        "TotalItemsInView": "3",
        "IncludesLastItemInRange": "false",
    }
    assert [
        codes(ask(fake, one))[1]
        for one in (
            view(start, week),
            view(week, start),
            view(start, "2029-01-01T00:00:00Z"),
            view(start, week, folder=INBOX),
            view(start, week, more=order),
        )
    ] == [
        ["NoError"],
        ["ErrorCalendarEndDateIsEarlierThanStartDate"],
        ["ErrorCalendarViewRangeTooBig"],
        ["ErrorCalendarFolderIsInvalidForCalendarView"],
        ["ErrorInvalidOperation"],
    ]


def test_views_of_more_than_a_thousand_need_a_limit(fake: Exchange, calendar: Calendar) -> None:
    for hour in (1, 5, 9):
        start = NOON.replace(hour=hour)
        calendar.add("Daily", start, start + timedelta(hours=1), rule="FREQ=DAILY")
    bounds = ("2026-01-05T00:00:00Z", "2027-01-05T00:00:00Z")

    assert codes(ask(fake, view(*bounds)))[1] == ["ErrorExceededFindCountLimit"]
    assert len(found(ask(fake, view(*bounds, most="1000")), "CalendarItem")) == 1000


def test_occurrences_are_reached_by_number_and_masters_from_them(fake: Exchange, calendar: Calendar) -> None:
    item = calendar.add("Daily", NOON, NOON + timedelta(hours=1), rule="FREQ=DAILY;COUNT=3")
    calendar.delete_occurrence(item, NOON + timedelta(days=1))
    occurrence = '<t:OccurrenceItemId RecurringMasterId="{}" InstanceIndex="{}"/>'

    answer = ask(fake, get_item(*(occurrence.format(item, one) for one in (1, 2, 3, 4)), shape=shape()))
    third = fetched(fake, OccurrenceItemId(id=item, instance_index=3))[0]
    master = fetched(fake, RecurringMasterItemId(id=third.id))[0]

    assert codes(answer)[1] == [
        "NoError",
        "ErrorCalendarOccurrenceIsDeletedFromRecurrence",
        "NoError",
        "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange",
    ]
    assert (third.type, third.start) == ("Occurrence", NOON + timedelta(days=2))
    assert (master.id, master.type) == (item, "RecurringMaster")


def test_synchronisation_has_masters_and_no_occurrences(fake: Exchange, calendar: Calendar) -> None:
    series = calendar.import_ics(ics(f"UID:s\n{SERIES}"))[0]
    single = calendar.add("Once", NOON, NOON + timedelta(hours=1))
    first = ask(fake, sync(folder=CALENDAR))
    at = datetime(2026, 3, 30, 10, tzinfo=BERLIN)
    states = [state_of(first)]
    told = []
    for change in (
        lambda: calendar.change_occurrence(series, at, subject="Other"),
        lambda: calendar.delete_occurrence(series, at),
        lambda: calendar.change(single, subject="Twice"),
        lambda: calendar.answer(calendar.add("M", NOON, NOON, attendees=invited(BEN)), BEN, "Accept"),
        lambda: calendar.delete(single),
    ):
        change()
        answer = ask(fake, sync(states[-1], folder=CALENDAR))
        told.append([(kind, id) for kind, id in changes(answer) if kind != "Create"])
        states.append(state_of(answer))

    assert changes(first) == [("Create", single), ("Create", series)]
    assert told == [
        [("Update", series)],
        [("Update", series)],
        [("Update", single)],
        [],
        [("Delete", single)],
    ]


def test_invitations_to_single_occurrences_stand_alone(fake: Exchange, calendar: Calendar) -> None:
    one, two = ("RECURRENCE-ID:20260105T100000Z", "RECURRENCE-ID:20260112T100000Z")

    items = calendar.import_ics(ics(one, two))
    shown = fetched(fake, *items)

    assert [(item.type, item.uid, item.recurrence_id.day) for item in shown] == [
        ("Single", "u1", 5),
        ("Single", "u1", 12),
    ]


def test_changed_starts_lose_exceptions(fake: Exchange, calendar: Calendar) -> None:
    item = calendar.add("Daily", NOON, NOON + timedelta(hours=1), rule="FREQ=DAILY;COUNT=3")
    exception = calendar.change_occurrence(item, NOON, subject="Other")
    calendar.change(item, start=NOON + timedelta(hours=2), end=NOON + timedelta(hours=3))

    shown = fetched(fake, item)[0]

    assert (shown.modified_occurrences, shown.appointment_sequence_number) == (None, 1)
    assert shown.first_occurrence.start == NOON + timedelta(hours=2)
    assert shown.first_occurrence.id != exception
