"""The four questions we ask of Exchange Web Services, in exchangelib's envelopes, read our way.

exchangelib's own readers stop at the first item they do not understand, and take all that follow with
it; they also ask for more than we want. Here each item that cannot be read is an error of its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import requests
from exchangelib.errors import ErrorServerBusy, EWSError
from exchangelib.fields import FieldPath
from exchangelib.folders import BaseFolder
from exchangelib.items import ID_ONLY, CalendarItem, Item, Message
from exchangelib.properties import DistinguishedFolderId, FolderId, ItemId, Mailbox
from exchangelib.services import FindFolder, GetFolder, GetItem, SyncFolderItems
from exchangelib.services.common import EWSService
from exchangelib.util import TNS
from exchangelib.winzone import MS_TIMEZONE_TO_IANA_MAP

from mailboxes.providers.base import TryLater
from mailboxes.providers.exchange.errors import Unclear

# The most that servers hand over at a time.
_MOST_CHANGES = 512
_MOST_FOLDERS = 500
# Beginnings of elements, ends, and attributes. Fifty meetings of a thousand people have half of it.
_MARKUP, _MOST_MARKUP = (b"<", b'="', b"='"), 2_000_000


@dataclass(frozen=True, slots=True)
class FoundFolder:
    """`element` is the kind of folder as the schema names it, `kind` its class, such as IPF.Note."""

    element: str
    id: str
    parent: str
    kind: str
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Change:
    """Of an item in a folder; all but its id is empty when it is gone."""

    id: str
    version: str = ""
    is_gone: bool = False
    kind: str = ""
    size: int = 0
    received: datetime | None = None
    modified: datetime | None = None
    is_draft: bool = False


@dataclass(frozen=True, slots=True)
class Appointment:
    """An item of a calendar with its zones, where we know them. Its times are instants, also of an
    event that takes all day."""

    item: CalendarItem
    start_zone: ZoneInfo | None
    end_zone: ZoneInfo | None


class _Whole:
    """An answer in one piece. exchangelib takes it byte by byte, which is a second for each megabyte."""

    def __init__(self, answer: requests.Response) -> None:
        self._answer = answer

    def iter_content(self) -> bytes:
        """Raises TryLater when it would take far more memory as a tree than it has bytes."""
        content = self._answer.content
        if sum(map(content.count, _MARKUP)) > _MOST_MARKUP:
            raise TryLater("The Exchange server sent more than anybody asked for.")
        return content


class _OwnReading:
    """An error in one of several response messages is that one's alone."""

    ERRORS_TO_CATCH_IN_RESPONSE = EWSError
    WARNINGS_TO_CATCH_IN_RESPONSE = EWSError

    @classmethod
    def _get_soap_parts(cls, response: requests.Response) -> tuple[Any, Any]:
        parts: tuple[Any, Any] = EWSService._get_soap_parts(response=_Whole(response))
        return parts

    @staticmethod
    def _get_exception(code: str, text: str | None, msg_xml: Any = None, rule_errors: Any = None) -> Any:
        """exchangelib looks for how long to stay away in faults, and not in messages."""
        error = EWSService._get_exception(code, text or "", msg_xml, rule_errors)
        if isinstance(error, ErrorServerBusy) and msg_xml is not None:
            error.back_off = _back_off(msg_xml)
        return error


class Folders(_OwnReading, FindFolder):
    """All folders below the top one, at any depth."""

    def call(self, address: str) -> Iterator[FoundFolder | Exception]:
        fields = _paths(BaseFolder, "parent_folder_id", "folder_class", "name", "total_count")
        self.page_size = _MOST_FOLDERS
        return self._elems_to_objs(
            self._paged_call(
                payload_func=self.get_payload,
                max_items=None,
                folders=[known_folder("msgfolderroot", address)],
                additional_fields=fields,
                restriction=None,
                shape=ID_ONLY,
                depth="Deep",
                page_size=self.page_size,
                offset=0,
            )
        )

    def _elem_to_obj(self, elem: Any) -> FoundFolder:
        return FoundFolder(
            element=elem.tag.rpartition("}")[2],
            id=_attribute(elem, "FolderId", "Id"),
            parent=_attribute(elem, "ParentFolderId", "Id"),
            kind=_text(elem, "FolderClass"),
            name=_text(elem, "DisplayName"),
            count=_number(elem, "TotalCount"),
        )


class KnownFolders(_OwnReading, GetFolder):
    """The ids of folders by the names that the protocol has for them, in the same order."""

    def call(self, names: Iterable[str], address: str) -> Iterator[str | Exception]:
        wanted = [known_folder(name, address) for name in names]
        return super().call(folders=wanted, additional_fields=(), shape=ID_ONLY)

    def _elems_to_objs(self, elems: Iterable[Any]) -> Iterator[str | Exception]:
        for elem in elems:
            yield elem if isinstance(elem, Exception) else _attribute(elem, "FolderId", "Id")


class Changes(_OwnReading, SyncFolderItems):
    """A page of what has changed in a folder. Where to go on is then in `sync_state`."""

    def call(self, folder: str, state: str) -> Iterator[Change | Exception]:
        fields = _paths(Item, "item_class", "size", "datetime_received", "is_draft", "last_modified_time")
        return super().call(
            folder=FolderId(id=folder),
            shape=ID_ONLY,
            additional_fields=fields,
            sync_state=state or None,
            ignore=None,
            max_changes_returned=_MOST_CHANGES,
            sync_scope=None,
        )

    def _get_element_container(self, message: Any, name: str | None = None) -> Any:
        """An error need not come with a state. exchangelib looks for that first, and falls over."""
        if message.get("ResponseClass") == "Error":
            return EWSService._get_element_container(self, message, name)
        return super()._get_element_container(message, name)

    def _elem_to_obj(self, elem: Any) -> Change | None:
        """None for what is no change to us: that somebody has read it."""
        kind = elem.tag.rpartition("}")[2]
        if kind == "Delete":
            return Change(_attribute(elem, "ItemId", "Id"), is_gone=True)
        if kind not in {"Create", "Update"} or not len(elem):
            return None
        item = elem[0]
        return Change(
            id=_attribute(item, "ItemId", "Id"),
            version=_attribute(item, "ItemId", "ChangeKey"),
            kind=_text(item, "ItemClass"),
            size=_number(item, "Size"),
            received=_moment(item, "DateTimeReceived"),
            modified=_moment(item, "LastModifiedTime"),
            is_draft=_text(item, "IsDraft") == "true",
        )


class Items(_OwnReading, GetItem):
    """Items in the order of their ids: exchangelib's, an Appointment, or an error."""

    def call(self, ids: Iterable[str], model: type[Item], fields: Iterable[str]) -> Iterator[Any]:
        wanted = [ItemId(id=one) for one in ids]
        return super().call(items=wanted, additional_fields=_paths(model, *fields), shape=ID_ONLY)

    def _elem_to_obj(self, elem: Any) -> Any:
        try:
            if elem.tag == CalendarItem.response_tag():
                return self._appointment(elem)
            return BaseFolder.item_model_from_tag(elem.tag).from_xml(elem=elem, account=self.account)
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError, EWSError):
            return Unclear("an item of the answer cannot be read")

    def _appointment(self, elem: Any) -> Appointment:
        """exchangelib stumbles over zones it does not know, and takes the days of all-day events in
        the zone of this machine: so it never sees either."""
        zones = [_zone(elem, name) for name in ("StartTimeZone", "EndTimeZone")]
        item = super(CalendarItem, CalendarItem).from_xml(elem=elem, account=self.account)
        return Appointment(item, *zones)


MAIL_FIELDS = ("mime_content", "datetime_received", "size")
SIZE_FIELDS = ("datetime_received", "size")
HEAD_FIELDS = (
    "headers", "datetime_received", "size", "subject", "author", "to_recipients", "cc_recipients",
    "bcc_recipients", "datetime_sent", "message_id", "in_reply_to", "references",
)  # fmt: skip
EVENT_FIELDS = (
    "uid", "recurrence_id", "start", "end", "is_all_day", "location", "is_meeting", "is_cancelled",
    "my_response_type", "organizer", "required_attendees", "optional_attendees", "resources",
    "appointment_sequence_number", "recurrence", "modified_occurrences", "deleted_occurrences",
    "_start_timezone", "_end_timezone", "subject", "sensitivity", "last_modified_time",
)  # fmt: skip
MAIL_MODEL, EVENT_MODEL = Message, CalendarItem


def known_folder(name: str, address: str) -> DistinguishedFolderId:
    """In the mailbox of that address, whoever signs in."""
    return DistinguishedFolderId(id=name, mailbox=Mailbox(email_address=address))


def _paths(model: Any, *names: str) -> list[FieldPath]:
    return [FieldPath(field=model.get_field_by_fieldname(name)) for name in names]


def _text(elem: Any, name: str) -> str:
    return elem.findtext(f"{{{TNS}}}{name}") or ""


def _attribute(elem: Any, name: str, attribute: str) -> str:
    found = elem.find(f"{{{TNS}}}{name}")
    return "" if found is None else found.get(attribute, "")


def _number(elem: Any, name: str) -> int:
    text = _text(elem, name)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _moment(elem: Any, name: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(_text(elem, name))
    except ValueError:
        return None
    return found if found.tzinfo else None


def _zone(elem: Any, name: str) -> ZoneInfo | None:
    """Taken out of the element. A zone that came with an invitation has a name of its own at best."""
    found = elem.find(f"{{{TNS}}}{name}")
    if found is None:
        return None
    elem.remove(found)
    zones = (_by_name(found.get(attribute, "")) for attribute in ("Id", "Name"))
    return next((zone for zone in zones if zone), None)


def _by_name(name: str) -> ZoneInfo | None:
    known = MS_TIMEZONE_TO_IANA_MAP.get(name) or (name if "/" in name else "")
    try:
        return ZoneInfo(known) if known else None
    except (ValueError, OSError, KeyError):
        return None


def _back_off(msg_xml: Any) -> float | None:
    for value in msg_xml.findall(f"{{{TNS}}}Value"):
        if value.get("Name") == "BackOffMilliseconds" and (value.text or "").isdecimal():
            return int(value.text) / 1000
    return None
