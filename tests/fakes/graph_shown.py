"""An event and a calendar as Microsoft Graph shows them."""

import html
import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tests.fakes.faults import Request, words
from tests.fakes.graph_api import Fields, bad, body_kind, immutable, preferences
from tests.fakes.graph_events import GIVEN, Calendar, Event
from tests.fakes.graph_messages import change_key, etag, timestamp
from tests.fakes.graph_recurrence import windows_name, zone_of

CONTENT = words("body bodyPreview")
CALENDAR = words(
    "id name color hexColor isDefaultCalendar changeKey canShare canViewPrivateItems canEdit isRemovable "
    "isTallyingResponses allowedOnlineMeetingProviders defaultOnlineMeetingProvider owner"
)
USUAL = GIVEN | words(
    "id createdDateTime lastModifiedDateTime changeKey bodyPreview originalStartTimeZone originalEndTimeZone "
    "isOrganizer seriesMasterId type webLink occurrenceId"
)
# Only where they are selected, and the last two of a series' master that is asked for by its id.
ON_REQUEST = words("originalStart cancelledOccurrences exceptionOccurrences")
EVENT = USUAL | ON_REQUEST


def event_shown(calendar: Calendar, event: Event, request: Request) -> Fields:
    """All that may be selected, but for the lists of a series; what an event cannot have is missing or null."""
    lasting, master = immutable(request), event.master or event
    state = f"{master.lasting}:{master.version}"
    organizer = event.fields["organizer"]["emailAddress"]["address"]
    shown = event.fields | {
        "@odata.etag": etag(state),
        "id": event.lasting if lasting else event.id,
        "createdDateTime": timestamp(event.created),
        "lastModifiedDateTime": timestamp(event.modified),
        "changeKey": change_key(state),
        "iCalUId": event.uid,
        "isOrganizer": organizer.lower() == calendar.owner.lower(),
        "type": event.kind,
        "recurrence": event.recurrence,
        "seriesMasterId": None,
        "occurrenceId": None,
        "webLink": f"https://outlook.office365.com/owa/?itemid={event.id}&exvsurl=1&path=/calendar/item",
    }
    if event.master and event.original:
        shown["seriesMasterId"] = event.master.lasting if lasting else event.master.id
        shown["occurrenceId"] = occurrence_id(event.master, event.original, request)
        zone = UTC if event.master.all_day else event.master.zone
        shown["originalStart"] = timestamp(event.original.replace(tzinfo=zone))
    return shown | _times(event, request) | _body(event, request)


def shown_zone(request: Request) -> tuple[str, ZoneInfo]:
    """The zone asked for, or UTC, under the name it was asked for with."""
    name = preferences(request).get("outlook.timezone", "UTC")
    try:
        return name, zone_of(name)
    except KeyError:
        message = f"The following TimeZone value is not supported: '{name}'."
        raise bad(message, "TimeZoneNotSupportedException") from None


def _times(event: Event, request: Request) -> Fields:
    """Whole days are midnight to midnight, whatever the zone."""
    name, zone = shown_zone(request)
    shown_in = event.zone if event.all_day else zone
    original = windows_name(event.zone_name)
    points = {
        side: {"dateTime": f"{at.astimezone(shown_in):%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": name}
        for side, at in (("start", event.start), ("end", event.end))
    }
    return points | {
        "isAllDay": event.all_day,
        "originalStartTimeZone": original,
        "originalEndTimeZone": original,
    }


def _body(event: Event, request: Request) -> Fields:
    body = event.fields["body"]
    plain = html.unescape(re.sub(r"<[^>]+>", "", body["content"])).strip()
    shown = {"contentType": "text", "content": plain} if body_kind(request) == "text" else body
    return {"body": shown, "bodyPreview": plain[:255]}


def calendar_shown(calendar: Calendar) -> Fields:
    state = f"{calendar.id}:{calendar.name}"
    return {
        "id": calendar.id,
        "name": calendar.name,
        "color": "auto",
        "hexColor": "",
        "isDefaultCalendar": calendar.default,
        "changeKey": change_key(state),
        "canShare": True,
        "canViewPrivateItems": True,
        "canEdit": True,
        "isRemovable": not calendar.default,
        "isTallyingResponses": calendar.default,
        "allowedOnlineMeetingProviders": ["teamsForBusiness"],
        "defaultOnlineMeetingProvider": "teamsForBusiness",
        "owner": {"name": calendar.owner_name, "address": calendar.owner},
    }


def occurrence_id(master: Event, at: datetime, request: Request) -> str:
    return f"OID.{master.lasting if immutable(request) else master.id}.{at.date().isoformat()}"
