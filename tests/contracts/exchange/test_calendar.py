"""The fake of Exchange: appointments, and who sees what of them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from exchangelib import EWSTimeZone
from exchangelib.items import CalendarItem as Shown

from tests.contracts.exchange.asking import (
    ADA,
    ADAS,
    BEN,
    BENS,
    CALENDAR,
    NOON,
    SERIES,
    account,
    ask,
    changes,
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
from tests.fakes.ews_soap import local
from tests.fakes.exchange import Exchange


def test_single_appointments_have_windows_zones(fake: Exchange, calendar: Calendar) -> None:
    lines = "DTSTART;TZID=Europe/Vienna:20260701T100000\nDTEND;TZID=America/New_York:20260701T050000\nSUMMARY:Call"
    item = calendar.import_ics(ics(f"{lines}\nLOCATION:Here\nSEQUENCE:3\nDESCRIPTION:About"))[0]
    paths = ("calendar:StartTimeZone", "calendar:StartTimeZoneId", "calendar:EndTimeZoneId", "calendar:Start")

    answer = ask(fake, get_item(item, shape=shape(*paths)))
    shown = fetched(fake, item)[0]

    assert dict(found(answer, "StartTimeZone")[0].attrib) == {
        "Id": "W. Europe Standard Time",
        "Name": "(UTC+01:00) W. Europe",
    }
    assert texts(answer, "StartTimeZoneId") + texts(answer, "EndTimeZoneId") == [
        "W. Europe Standard Time",
        "Eastern Standard Time",
    ]
    assert texts(answer, "Start") == ["2026-07-01T08:00:00Z"]
    assert (shown.start, shown.end) == (
        datetime(2026, 7, 1, 8, tzinfo=UTC),
        datetime(2026, 7, 1, 9, tzinfo=UTC),
    )
    assert (shown.type, shown.subject, shown.location, shown.body) == ("Single", "Call", "Here", "About")
    assert (shown.uid, shown.appointment_sequence_number, shown.is_all_day) == ("u1", 3, False)
    assert (shown.is_meeting, shown.my_response_type, shown.organizer.email_address) == (
        False,
        "Unknown",
        ADA,
    )
    assert (shown.recurrence, shown.original_start, shown.recurrence_id) == (None, None, None)
    assert shown._start_timezone == EWSTimeZone("Europe/Berlin")


def test_whole_days_are_midnights_in_their_zone(fake: Exchange, calendar: Calendar) -> None:
    item = calendar.import_ics(ics("DTSTART;VALUE=DATE:20260107\nDTEND;VALUE=DATE:20260109"))[0]

    answer = ask(
        fake, get_item(item, shape=shape("calendar:Start", "calendar:End", "calendar:IsAllDayEvent"))
    )
    shown = fetched(fake, item)[0]

    assert [texts(answer, name) for name in ("Start", "End", "IsAllDayEvent")] == [
        ["2026-01-06T23:00:00Z"],
        ["2026-01-08T23:00:00Z"],
        ["true"],
    ]
    assert (shown.start, shown.end) == (date(2026, 1, 7), date(2026, 1, 8))


def test_floating_times_and_custom_zones(fake: Exchange, calendar: Calendar) -> None:
    rules = "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0345\nTZOFFSETTO:+0345\nEND:STANDARD"
    zone = f"BEGIN:VTIMEZONE\nTZID:Ours\n{rules}\nEND:VTIMEZONE\n".replace("\n", "\r\n").encode()
    floating = "UID:f\nDTSTART:20260105T100000\nDURATION:PT1H"
    custom = "UID:c\nDTSTART;TZID=Ours:20260105T100000\nDURATION:PT1H"
    raw = ics(floating, custom).replace(b"BEGIN:VEVENT", zone + b"BEGIN:VEVENT", 1)

    items = calendar.import_ics(raw)
    answer = ask(fake, get_item(*items, shape=shape("calendar:Start", "calendar:StartTimeZoneId")))

    assert texts(answer, "Start") == ["2026-01-05T09:00:00Z", "2026-01-05T06:15:00Z"]
    assert texts(answer, "StartTimeZoneId") == ["W. Europe Standard Time", "tzone://Microsoft/Custom"]


def test_sensitivity_and_busy_follow_the_event(fake: Exchange, calendar: Calendar) -> None:
    classes = ("PUBLIC", "X-PERSONAL", "PRIVATE", "CONFIDENTIAL")
    items = [calendar.import_ics(ics(f"UID:{one}\nCLASS:{one}"))[0] for one in classes]
    busy = ("TRANSP:TRANSPARENT", "STATUS:TENTATIVE", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", "TRANSP:OPAQUE")
    others = [calendar.import_ics(ics(f"UID:{one}\n{one}"))[0] for one in busy]

    assert [one.sensitivity for one in fetched(fake, *items)] == [
        "Normal",
        "Personal",
        "Private",
        "Confidential",
    ]
    assert [one.legacy_free_busy_status for one in fetched(fake, *others)] == [
        "Free",
        "Tentative",
        "OOF",
        "Busy",
    ]
    with pytest.raises(NotImplementedError):
        calendar.import_ics(ics("CLASS:X-SECRET"))


def test_answers_are_on_the_organisers_copy_only(fake: Exchange) -> None:
    people = (
        f"ATTENDEE;CN=Ada;PARTSTAT=ACCEPTED:mailto:{ADA}\nATTENDEE;CN=Ben;PARTSTAT=TENTATIVE:mailto:{BEN}\n"
        "ATTENDEE;CN=Cleo;PARTSTAT=DECLINED;ROLE=OPT-PARTICIPANT:mailto:cleo@corp.example\n"
        "ATTENDEE;CN=Zoe;PARTSTAT=DELEGATED:mailto:zoe@corp.example\n"
        "ATTENDEE;CN=Blue;CUTYPE=ROOM;PARTSTAT=ACCEPTED:mailto:blue@corp.example"
    )
    item = fake.calendar(ADA).import_ics(ics(f"{ADAS}\n{people}"))[0]
    bens = fake.calendar(BEN).import_ics(ics(f"{ADAS}\n{people}"))[0]

    def answers(item: Shown) -> list[list[tuple[str, str]]]:
        lists = (item.required_attendees, item.optional_attendees, item.resources)
        return [[(one.mailbox.name, one.response_type) for one in people] for people in lists]

    own = fetched(fake, item)[0]
    copy = next(iter(account(fake, BEN, username="CORP\\ben").fetch([(bens, None)])))
    assert answers(own) == [
        [("Ada", "Organizer"), ("Ben", "Tentative"), ("Zoe", "Unknown")],
        [("Cleo", "Decline")],
        [("Blue", "Accept")],
    ]
    assert answers(copy) == [
        [("Ada", "Organizer"), ("Ben", "Unknown"), ("Zoe", "Unknown")],
        [("Cleo", "Unknown")],
        [("Blue", "Unknown")],
    ]
    assert (own.my_response_type, copy.my_response_type) == ("Organizer", "Tentative")
    assert (own.is_meeting, own.meeting_request_was_sent, copy.meeting_request_was_sent) == (
        True,
        True,
        False,
    )


def test_unanswered_invitations_say_so(fake: Exchange, calendar: Calendar) -> None:
    attendees = [f"ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{ADA}", "ATTENDEE:mailto:list@corp.example"]
    items = [calendar.import_ics(ics(f"UID:{one}\n{BENS}\n{one}"))[0] for one in attendees]

    assert [one.my_response_type for one in fetched(fake, *items)] == ["NoResponseReceived"] * 2


def test_cancelled_meetings_stay_and_are_marked(fake: Exchange, calendar: Calendar) -> None:
    attendee = f"ATTENDEE:mailto:{ADA}"
    status = calendar.import_ics(ics(f"UID:a\n{BENS}\n{attendee}\nSUMMARY:Lunch\nSTATUS:CANCELLED"))[0]
    method = calendar.import_ics(ics(f"UID:b\n{BENS}\n{attendee}\nSUMMARY:Lunch", method="CANCEL"))[0]
    own = calendar.add("Lunch", NOON, NOON + timedelta(hours=1), attendees=invited(BEN))
    calendar.cancel(own)

    shown = fetched(fake, status, method, own)

    assert [(one.subject, one.is_cancelled) for one in shown] == [
        ("Canceled: Lunch", True),
        ("Canceled: Lunch", True),
        ("Lunch", True),
    ]
    assert [one.legacy_free_busy_status for one in shown] == ["Free"] * 3


def test_synchronisation_leaves_out_what_only_single_items_have(fake: Exchange, calendar: Calendar) -> None:
    calendar.import_ics(ics(f"{SERIES}\n{BENS}\nATTENDEE:mailto:{ADA}"))
    paths = (
        "calendar:Recurrence",
        "calendar:RequiredAttendees",
        "item:Body",
        "calendar:AppointmentSequenceNumber",
    )

    answer = ask(fake, sync(folder=CALENDAR, paths=(*paths, "calendar:Organizer", "calendar:UID")))

    item = found(answer, "CalendarItem")[0]
    assert [local(one) for one in item] == ["ItemId", "UID", "Organizer"]
    assert [local(one) for one in item[2][0]] == ["Name"]


def test_imports_with_a_known_uid_replace(fake: Exchange, calendar: Calendar) -> None:
    item = calendar.import_ics(ics("SUMMARY:One"))
    state = state_of(ask(fake, sync(folder=CALENDAR)))

    again = calendar.import_ics(ics("SUMMARY:Two"))

    assert again == item
    assert changes(ask(fake, sync(state, folder=CALENDAR))) == [("Update", item[0])]
    assert fetched(fake, *item)[0].subject == "Two"


def test_second_calendars_are_apart(fake: Exchange, calendar: Calendar) -> None:
    team = fake.add_calendar(ADA, "Team")
    item = team.import_ics(ics("SUMMARY:Elsewhere"))[0]

    folder = f'<t:FolderId Id="{team.folder}"/>'

    assert changes(ask(fake, sync(folder=CALENDAR))) == []
    assert changes(ask(fake, sync(folder=folder))) == [("Create", item)]
    names = [one.name for one in account(fake).root.walk() if one.CONTAINER_CLASS == "IPF.Appointment"]
    assert names == ["Calendar", "Team"]


def test_what_exchange_could_not_hold_is_not_set_up(calendar: Calendar) -> None:
    item = calendar.add("Once", NOON, NOON)

    for wrong in (
        lambda: calendar.add("Naive", datetime(2026, 1, 1), datetime(2026, 1, 1)),
        lambda: calendar.add("Backwards", NOON, NOON - timedelta(hours=1)),
        lambda: calendar.change_occurrence(item, NOON),
        lambda: calendar.answer(item, BEN, "Accept"),
        lambda: invited(BEN, response="Perhaps"),
        lambda: calendar.import_ics(ics(f"{SERIES};COUNT=2", "RECURRENCE-ID:20260101T000000Z")),
    ):
        with pytest.raises(ValueError):
            wrong()


def test_default_shape_of_appointments(fake: Exchange, calendar: Calendar) -> None:
    item = calendar.add("Once", NOON, NOON, location="Here")

    answer = ask(fake, get_item(item, shape=shape(base="Default")))

    assert [local(one) for one in found(answer, "CalendarItem")[0]] == (
        [
            "ItemId",
            "Subject",
            "HasAttachments",
            "IsAssociated",
            "Start",
            "End",
            "LegacyFreeBusyStatus",
            "Location",
            "CalendarItemType",
            "Organizer",
        ]
    )
    assert [one.text for one in found(answer, "EmailAddress")] == [ADA]
