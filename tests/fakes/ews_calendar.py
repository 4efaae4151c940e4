"""A calendar at Exchange: appointments, series, their occurrences and exceptions."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.ews_fields import Look
from tests.fakes.ews_ics import Series, occurrences, read
from tests.fakes.ews_meetings import Attendee, Meeting, Seen
from tests.fakes.ews_recurrence import Rule, occurrence_info
from tests.fakes.ews_soap import Refusal, t
from tests.fakes.ews_store import Item, Store, id_element

# How far a series without an end is looked at for its index.
HORIZON = timedelta(days=3653)


@dataclass(kw_only=True)
class CalendarItem(Item):
    """A single appointment or a whole series. Occurrences are no items, but have ids of their own."""

    series: Series
    ids: dict[datetime, str] = field(default_factory=dict)

    @property
    def element(self) -> str:
        return "CalendarItem"

    @property
    def meeting(self) -> Meeting:
        return self.series.meeting

    def values(self, owner: Store, look: Look) -> dict[str, Any]:
        if not self.series.rule:
            return self._values(owner, look, Seen(self.meeting, "Single"), self.id)
        seen = Seen(self.meeting, "RecurringMaster", series=lambda look: self._recurrence(owner, look))
        return self._values(owner, look, seen, self.id)

    def occurrence_values(self, owner: Store, look: Look, original: datetime) -> dict[str, Any]:
        changed = original in self.series.changed
        seen = Seen(self.occurrence(original), "Exception" if changed else "Occurrence", original)
        return self._values(owner, look, seen, self.occurrence_id(owner, original))

    def occurrence(self, original: datetime) -> Meeting:
        if original in self.series.changed:
            return self.series.changed[original]
        return self.meeting.moved(original.astimezone(self.meeting.start.tzinfo))

    def occurrence_id(self, owner: Store, original: datetime) -> str:
        if original not in self.ids:
            self.ids[original] = owner.new_id()
        owner.occurrences[self.ids[original]] = (self.id, original)
        return self.ids[original]

    def originals(self, until: datetime) -> Iterator[datetime]:
        """Occurrences that there are, by when the rule has them."""
        left = set(self.series.deleted)
        return (one for one in occurrences(self.series, until=until) if one not in left)

    def numbered(self, index: int, now: datetime) -> datetime:
        """Deleted ones keep their number."""
        every = occurrences(self.series, until=max(now, self.meeting.start) + HORIZON)
        if not 1 <= index <= len(every):
            raise Refusal("ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange")
        if every[index - 1] in self.series.deleted:
            raise Refusal("ErrorCalendarOccurrenceIsDeletedFromRecurrence")
        return every[index - 1]

    def _values(self, owner: Store, look: Look, seen: Seen, id: str) -> dict[str, Any]:
        folder = owner.folders[self.folder]
        return seen.values(owner, look) | {
            "item:ItemId": id_element("ItemId", id, self.version),
            "item:ParentFolderId": id_element("ParentFolderId", folder.id, folder.version),
            "item:ItemClass": "IPM.Appointment",
            "item:DateTimeReceived": self.created,
            "item:Size": 4096 + len(seen.meeting.body[1]),
            "item:Importance": "Normal",
            "item:IsDraft": False,
            "item:IsFromMe": False,
            "item:DateTimeSent": self.created,
            "item:DateTimeCreated": self.created,
            "item:HasAttachments": False,
            "item:LastModifiedName": owner.name,
            "item:LastModifiedTime": self.modified,
            "item:IsAssociated": False,
        }

    def _recurrence(self, owner: Store, look: Look) -> dict[str, Any]:
        rule, series = self.series.rule, self.series
        assert rule
        changed = [self._info(owner, look, "Occurrence", one) for one in sorted(series.changed)]
        deleted = [t("DeletedOccurrence", t("Start", look.moment(one))) for one in sorted(series.deleted)]
        return {
            "calendar:Recurrence": rule.element(look),
            "calendar:ModifiedOccurrences": t("ModifiedOccurrences", *changed) if changed else None,
            "calendar:DeletedOccurrences": t("DeletedOccurrences", *deleted) if deleted else None,
        } | self._ends(owner, look, rule)

    def _ends(self, owner: Store, look: Look, rule: Rule) -> dict[str, Any]:
        forever = datetime.max.replace(tzinfo=UTC)
        until = forever if rule.bounded else self.meeting.start + HORIZON
        there = list(self.originals(until))
        first = self._info(owner, look, "FirstOccurrence", there[0]) if there else None
        last = self._info(owner, look, "LastOccurrence", there[-1]) if there and rule.bounded else None
        return {"calendar:FirstOccurrence": first, "calendar:LastOccurrence": last}

    def _info(self, owner: Store, look: Look, name: str, original: datetime) -> Any:
        meeting = self.occurrence(original)
        identity = id_element("ItemId", self.occurrence_id(owner, original), self.version)
        return occurrence_info(name, identity, (meeting.start, meeting.end, original), look)


@dataclass
class Calendar:
    """One calendar of a mailbox, as a test fills it. What it returns are the ids of items."""

    box: Store
    folder: str

    def import_ics(self, ics: bytes) -> list[str]:
        """As if delivered to this mailbox; a UID that is already there is replaced."""
        return [self._stored(series) for series in read(ics, self.box)]

    def add(
        self, subject: str, start: datetime, end: datetime, *, rule: str = "", uid: str = "", **about: Any
    ) -> str:
        """`about` are the fields of a Meeting, `rule` is the value of an RRULE."""
        meeting = Meeting(uid=uid or self._new_uid(), subject=subject, start=start, end=end, **about)
        zone = start.tzinfo
        assert zone
        return self._stored(Series(meeting, Rule(rule, start.replace(tzinfo=None), zone) if rule else None))

    def change(self, item: str, **about: Any) -> None:
        """A series that begins at another time loses its exceptions."""
        changed = self.item(item)
        series = changed.series
        series.meeting = replace(series.meeting, sequence=series.meeting.sequence + 1, **about)
        if series.rule and "start" in about:
            series.rule = replace(series.rule, start=series.meeting.start.replace(tzinfo=None))
            series.changed.clear()
            series.deleted.clear()
        self.box.touch(item)

    def answer(self, item: str, email: str, response: str) -> None:
        """Somebody answers; the organiser's copy has it."""
        changed = self.item(item)
        people = changed.meeting.attendees
        answered = tuple(replace(one, response=response) if one.email == email else one for one in people)
        if answered == people:
            raise ValueError(f"{email} is not invited, or has answered just that")
        changed.series.meeting = replace(changed.meeting, attendees=answered)
        self.box.touch(item)

    def cancel(self, item: str) -> None:
        """Called off by its organiser, and not yet taken out of this calendar."""
        changed = self.item(item)
        changed.series.meeting = replace(changed.meeting, cancelled=True)
        self.box.touch(item)

    def delete(self, item: str) -> None:
        self.box.delete(self.item(item).id)

    def change_occurrence(self, item: str, original: datetime, **about: Any) -> str:
        """The occurrence that was to start then becomes an exception; its id."""
        changed, at = self.item(item), original.astimezone(UTC)
        self._check_occurrence(changed, at)
        changed.series.changed[at] = replace(changed.occurrence(at), **about)
        self.box.touch(item)
        return changed.occurrence_id(self.box, at)

    def delete_occurrence(self, item: str, original: datetime) -> None:
        changed, at = self.item(item), original.astimezone(UTC)
        self._check_occurrence(changed, at)
        changed.series.changed.pop(at, None)
        changed.series.deleted.add(at)
        self.box.touch(item)

    def item(self, item: str) -> CalendarItem:
        found = self.box.item(item)
        assert isinstance(found, CalendarItem)
        return found

    def _check_occurrence(self, item: CalendarItem, at: datetime) -> None:
        if not item.series.rule or at not in item.originals(at):
            raise ValueError(f"{item.meeting.subject} has no occurrence at {at}")

    def _stored(self, series: Series) -> str:
        known = self._known(series.meeting)
        if known:
            known.series = series
            self.box.touch(known.id)
            return known.id
        now = self.box.clock.now()
        item = CalendarItem(
            id=self.box.new_id(),
            folder=self.folder,
            version=self.box.next_version(),
            created=now,
            modified=now,
            series=series,
        )
        return self.box.store(item)

    def _known(self, meeting: Meeting) -> CalendarItem | None:
        items = (one for one in self.box.folders[self.folder].items.values() if isinstance(one, CalendarItem))
        same = (meeting.uid, meeting.recurrence_id)
        return next((one for one in items if (one.meeting.uid, one.meeting.recurrence_id) == same), None)

    def _new_uid(self) -> str:
        """Exchange writes its own in hexadecimal, always with this beginning."""
        number = f"{self.box.email} {self.box.version}".encode()
        return f"040000008200E00074C5B7101A82E008{hashlib.sha256(number).hexdigest().upper()}"


def invited(*emails: str, role: str = "required", response: str = "Unknown") -> tuple[Attendee, ...]:
    return tuple(Attendee(email, email.partition("@")[0].title(), role, response) for email in emails)


def in_view(item: CalendarItem, start: datetime, end: datetime) -> list[datetime | None]:
    """What of an item lies in a view: its occurrences by their original start, or itself as None."""
    if not item.series.rule:
        return [None] if _overlaps(item.meeting, start, end) else []
    # An exception may have been moved into the view from anywhere.
    far = max([end, *(one + timedelta(days=1) for one in item.series.changed)])
    return [one for one in item.originals(far) if _overlaps(item.occurrence(one), start, end)]


def _overlaps(meeting: Meeting, start: datetime, end: datetime) -> bool:
    return meeting.end >= start and meeting.start < end
