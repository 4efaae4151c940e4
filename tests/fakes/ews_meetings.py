"""What a calendar holds, as plain values, and how Exchange shows it to the owner of a mailbox."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.ews_fields import Look
from tests.fakes.ews_mail import shown_body
from tests.fakes.ews_soap import Element, t
from tests.fakes.ews_store import Store
from tests.fakes.ews_zones import definition, windows_id
from tests.fakes.faults import words

ROLES = {"required": "RequiredAttendees", "optional": "OptionalAttendees", "resource": "Resources"}
RESPONSES = words("Unknown Organizer Tentative Accept Decline NoResponseReceived")
SENSITIVITIES = words("Normal Personal Private Confidential")
BUSY = words("Free Tentative Busy OOF WorkingElsewhere NoData")


@dataclass(frozen=True)
class Attendee:
    """`response` is what he told the organiser."""

    email: str
    name: str = ""
    role: str = "required"
    response: str = "Unknown"

    def __post_init__(self) -> None:
        if self.role not in ROLES or self.response not in RESPONSES:
            raise ValueError(f"Exchange has no such attendee: {self}")


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """One appointment, or one occurrence. Times are in the zone of the appointment; whole days begin and
    end there at midnight, the last one not included."""

    uid: str
    start: datetime
    end: datetime
    subject: str = "Meeting"
    body: tuple[str, str] = ("Text", "")
    location: str = ""
    all_day: bool = False
    sensitivity: str = "Normal"
    busy: str = "Busy"
    organizer: tuple[str, str] | None = None
    attendees: tuple[Attendee, ...] = ()
    categories: tuple[str, ...] = ()
    sequence: int = 0
    stamp: datetime | None = None
    cancelled: bool = False
    recurrence_id: datetime | None = None

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None or self.start > self.end:
            raise ValueError(f"Not a time: {self.start} to {self.end}")
        if self.sensitivity not in SENSITIVITIES or self.busy not in BUSY:
            raise ValueError(f"Exchange has no {self.sensitivity} or {self.busy}")

    def moved(self, start: datetime) -> "Meeting":
        """The same, at another time. Its length is what clocks on the wall say."""
        length = self.end.replace(tzinfo=None) - self.start.replace(tzinfo=None)
        end = (start.replace(tzinfo=None) + length).replace(tzinfo=self.end.tzinfo)
        return replace(self, start=start, end=end)

    def organised_by(self, owner: Store) -> bool:
        return self.organizer is None or self.organizer[1].lower() in owner.addresses


@dataclass(frozen=True)
class Seen:
    """A meeting with what depends on its place: alone, a series, or one of it."""

    meeting: Meeting
    kind: str
    original: datetime | None = None
    series: Callable[[Look], dict[str, Any]] = field(default=lambda look: {})

    def values(self, owner: Store, look: Look) -> dict[str, Any]:
        times = self._times(look)
        return self._about(owner) | times | self._people(owner, look) | self.series(look)

    def _about(self, owner: Store) -> dict[str, Any]:
        meeting, mine = self.meeting, self.meeting.organised_by(owner)
        prefix = "Canceled: " if meeting.cancelled and not mine else ""
        state = (1 if self._is_meeting else 0) | (0 if mine else 2) | (4 if meeting.cancelled else 0)
        series = self.kind == "RecurringMaster"
        return {
            "item:Subject": prefix + meeting.subject,
            "item:Sensitivity": meeting.sensitivity,
            "item:Categories": self._categories(),
            "calendar:UID": meeting.uid,
            "calendar:IsAllDayEvent": meeting.all_day,
            "calendar:LegacyFreeBusyStatus": "Free" if meeting.cancelled else meeting.busy,
            "calendar:Location": meeting.location or None,
            "calendar:IsMeeting": self._is_meeting,
            "calendar:IsCancelled": meeting.cancelled,
            # Wrong for the organiser's own series, as documented.
            "calendar:IsRecurring": not mine if series else self.kind in {"Occurrence", "Exception"},
            "calendar:MeetingRequestWasSent": self._is_meeting and mine,
            "calendar:IsResponseRequested": self._is_meeting,
            "calendar:CalendarItemType": self.kind,
            "calendar:AppointmentSequenceNumber": meeting.sequence,
            "calendar:AppointmentState": state,
            "calendar:IsOrganizer": mine,
        }

    def _times(self, look: Look) -> dict[str, Any]:
        meeting = self.meeting
        start, end = windows_id(_zone(meeting.start)), windows_id(_zone(meeting.end))
        return {
            "item:Body": shown_body(meeting.body, look.shape.body_type),
            "item:TextBody": shown_body(meeting.body, "Text", name="TextBody"),
            "calendar:RecurrenceId": meeting.recurrence_id or self.original,
            "calendar:DateTimeStamp": meeting.stamp,
            "calendar:Start": meeting.start,
            "calendar:End": meeting.end,
            "calendar:OriginalStart": self.original,
            "calendar:Duration": _duration(meeting.end.astimezone(UTC) - meeting.start.astimezone(UTC)),
            "calendar:TimeZone": start,
            "calendar:StartTimeZone": definition("StartTimeZone", start, meeting.start),
            "calendar:EndTimeZone": definition("EndTimeZone", end, meeting.end),
            "calendar:StartTimeZoneId": start,
            "calendar:EndTimeZoneId": end,
        }

    def _people(self, owner: Store, look: Look) -> dict[str, Any]:
        name, email = self.meeting.organizer or (owner.name, owner.email)
        organizer = owner.person("Organizer", name, email, only_name=look.listing)
        lists = {f"calendar:{element}": self._invited(owner, role) for role, element in ROLES.items()}
        names = [one.name or one.email for one in self.meeting.attendees if one.role == "required"]
        mine = {"calendar:MyResponseType": self._own_answer(owner), "calendar:Organizer": organizer}
        return lists | mine | {"item:DisplayTo": "; ".join(names)}

    @property
    def _is_meeting(self) -> bool:
        return bool(self.meeting.attendees)

    def _invited(self, owner: Store, role: str) -> Element | None:
        people = [one for one in self.meeting.attendees if one.role == role]
        shown = (
            t("Attendee", owner.mailbox_of(one.name, one.email), t("ResponseType", self._answer(owner, one)))
            for one in people
        )
        return t(ROLES[role], *shown) if people else None

    def _answer(self, owner: Store, attendee: Attendee) -> str:
        """Answers go to the organiser. Nobody else's copy has any, not even that of who answered."""
        if self.meeting.organizer and attendee.email.lower() == self.meeting.organizer[1].lower():
            return "Organizer"
        return attendee.response if self.meeting.organised_by(owner) else "Unknown"

    def _own_answer(self, owner: Store) -> str:
        if not self._is_meeting:
            return "Unknown"
        if self.meeting.organised_by(owner):
            return "Organizer"
        own = (one.response for one in self.meeting.attendees if one.email.lower() in owner.addresses)
        answer = next(own, "Unknown")
        return "NoResponseReceived" if answer == "Unknown" else answer

    def _categories(self) -> Element | None:
        names = self.meeting.categories
        return t("Categories", *(t("String", one) for one in names)) if names else None


def _zone(at: datetime) -> Any:
    return at.tzinfo


def _duration(length: timedelta) -> str:
    hours, rest = divmod(length.seconds, 3600)
    days = f"{length.days}D" if length.days else ""
    clock = "".join(f"{value}{unit}" for value, unit in ((hours, "H"), (rest // 60, "M")) if value)
    return f"P{days}{f'T{clock}' if clock else ''}" if days or clock else "PT0S"
