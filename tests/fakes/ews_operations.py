"""The operations of Exchange Web Services that reading a mailbox needs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from tests.fakes.ews_calendar import CalendarItem, in_view
from tests.fakes.ews_directory import Directory, Person
from tests.fakes.ews_fields import Look, Shape, shown
from tests.fakes.ews_search import MOST, NotInThisFake, meets, moment, ordered, page, root_folder
from tests.fakes.ews_soap import Element, Refusal, child, local, m, message, refused, t, text_of
from tests.fakes.ews_store import Folder, Item, Store, folder_values
from tests.fakes.ews_sync import sync_folders, sync_items
from tests.fakes.ews_zones import every_definition
from tests.fakes.faults import Request


@dataclass(frozen=True)
class Asked:
    """An operation, who acts, and the zone in which he wants to be told times."""

    operation: Element
    request: Request
    acting: Person | None
    zone: tzinfo
    directory: Directory

    @property
    def name(self) -> str:
        return local(self.operation)

    def part(self, name: str) -> Element | None:
        return child(self.operation, name)

    def parts(self, name: str) -> list[Element]:
        found = self.part(name)
        return [] if found is None else list(found)

    def look(self, shape: str, *, listing: bool = False) -> Look:
        return Look(Shape.read(self.part(shape)), self.zone, listing)

    def opened(self, element: Element) -> tuple[Store, Folder]:
        """The mailbox that a folder's id leads to, and the folder there."""
        box = self._entered(self._owner(element))
        return box, box.folder(str(element.get("Id")))

    def owned(self, id: str) -> Store:
        return self._entered(self.directory.ids.owner(id))

    def _entered(self, email: str) -> Store:
        if self.acting is None or self.acting.email != email:
            raise Refusal("ErrorAccessDenied")
        box = self.directory.boxes[email]
        if box.refuses:
            raise Refusal(box.refuses)
        return box

    def _owner(self, element: Element) -> str:
        if local(element) == "FolderId":
            return self.directory.ids.owner(str(element.get("Id")))
        mailbox = child(element, "Mailbox")
        if mailbox is not None:
            return self.directory.primary(text_of(mailbox, "EmailAddress"))
        if self.acting is None:
            raise Refusal("ErrorMissingEmailAddress")
        return self.acting.email


def get_folder(asked: Asked) -> Iterator[Element]:
    look = asked.look("FolderShape")

    def got(element: Element) -> Element:
        box, folder = asked.opened(element)
        return message(asked.name, m("Folders", shown(folder.element, folder_values(box, folder), look)))

    return _each(asked, asked.parts("FolderIds"), got)


def find_folder(asked: Asked) -> Iterator[Element]:
    look, restriction = asked.look("FolderShape"), asked.part("Restriction")
    deep = asked.operation.get("Traversal") == "Deep"

    def found(element: Element) -> Element:
        box, above = asked.opened(element)
        below = [one for one in box.below(above.id) if deep or one.parent == above.id]
        if asked.operation.get("Traversal") == "SoftDeleted":
            below = []
        left = [one for one in below if _passes(folder_values(box, one), restriction)]
        some, about = page(asked.operation, asked.request, left, restricted=restriction is not None)
        folders = (shown(one.element, folder_values(box, one), look) for one in some)
        return message(asked.name, root_folder(about, t("Folders", folders)))

    return _each(asked, asked.parts("ParentFolderIds"), found)


def sync_folder_hierarchy(asked: Asked) -> Iterator[Element]:
    look, top = asked.look("FolderShape"), t("DistinguishedFolderId", Id="root")
    return _each(
        asked,
        asked.parts("SyncFolderId") or [top],
        lambda element: sync_folders(asked.operation, asked.request, *asked.opened(element), look),
    )


def sync_folder_items(asked: Asked) -> Iterator[Element]:
    look = asked.look("ItemShape", listing=True)
    return _each(
        asked,
        asked.parts("SyncFolderId"),
        lambda element: sync_items(asked.operation, asked.request, *asked.opened(element), look),
    )


def find_item(asked: Asked) -> Iterator[Element]:
    if asked.part("QueryString") is not None:
        raise NotInThisFake("The fake has no index of contents")
    finding = _calendar_view if asked.part("CalendarView") is not None else _listing
    return _each(
        asked, asked.parts("ParentFolderIds"), lambda element: finding(asked, *asked.opened(element))
    )


def _listing(asked: Asked, box: Store, folder: Folder) -> Element:
    look, restriction = asked.look("ItemShape", listing=True), asked.part("Restriction")
    values = {id: item.values(box, Look()) for id, item in folder.items.items()}
    found = [one for one in folder.items.values() if _passes(values[one.id], restriction)]
    if asked.operation.get("Traversal") != "Shallow":
        found = []
    newest = sorted(found, key=lambda one: values[one.id]["item:DateTimeReceived"], reverse=True)
    in_order = ordered(newest, asked.part("SortOrder"), lambda one: values[one.id])
    some, about = page(asked.operation, asked.request, in_order, restricted=restriction is not None)
    items = (shown(one.element, one.values(box, look), look) for one in some)
    return message(asked.name, root_folder(about, t("Items", items)))


def _calendar_view(asked: Asked, box: Store, folder: Folder) -> Element:
    view: Element = asked.part("CalendarView")
    look = asked.look("ItemShape", listing=True)
    start, end = moment(str(view.get("StartDate"))), moment(str(view.get("EndDate")))
    _check_view(asked, folder, start, end)
    seen = _seen(box, folder.items.values(), look, start, end)
    most = int(view.get("MaxEntriesReturned", 0))
    if not most and len(seen) > MOST:
        raise Refusal("ErrorExceededFindCountLimit")
    some = seen[: most or None]
    last = "true" if len(some) == len(seen) else "false"
    about = {"TotalItemsInView": str(len(some)), "IncludesLastItemInRange": last}
    items = t("Items", (shown("CalendarItem", one, look) for one in some))
    return message(asked.name, root_folder(about, items))


def _check_view(asked: Asked, folder: Folder, start: datetime, end: datetime) -> None:
    if folder.element != "CalendarFolder":
        raise Refusal("ErrorCalendarFolderIsInvalidForCalendarView")
    if end < start:
        raise Refusal("ErrorCalendarEndDateIsEarlierThanStartDate")
    if end - start > timedelta(days=2 * 366):
        raise Refusal("ErrorCalendarViewRangeTooBig")
    if asked.part("Restriction") is not None or asked.part("SortOrder") is not None:
        raise Refusal("ErrorInvalidOperation")


def _seen(
    box: Store, items: Iterable[Item], look: Look, start: datetime, end: datetime
) -> list[dict[str, Any]]:
    found = []
    for item in items:
        assert isinstance(item, CalendarItem)
        for original in in_view(item, start, end):
            found.append(item.occurrence_values(box, look, original) if original else item.values(box, look))
    return sorted(found, key=lambda values: values["calendar:Start"])


def get_item(asked: Asked) -> Iterator[Element]:
    look = asked.look("ItemShape")

    def got(element: Element) -> Element:
        box, item, original = _item(asked, element)
        if original is None:
            values = item.values(box, look)
        else:
            assert isinstance(item, CalendarItem)
            values = item.occurrence_values(box, look, original)
        return message(asked.name, m("Items", shown(item.element, values, look)))

    return _each(asked, asked.parts("ItemIds"), got)


def _item(asked: Asked, element: Element) -> tuple[Store, Item, datetime | None]:
    """An item, or an occurrence by its own id or by its number."""
    id = str(element.get("Id") or element.get("RecurringMasterId") or element.get("OccurrenceId"))
    box = asked.owned(id)
    series, original = box.occurrences.get(id, (id, None))
    item = box.item(series)
    if local(element) == "RecurringMasterItemId":
        return box, item, None
    if local(element) == "OccurrenceItemId":
        if not isinstance(item, CalendarItem) or not item.series.rule:
            raise Refusal("ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange")
        return box, item, item.numbered(int(str(element.get("InstanceIndex"))), box.clock.now())
    if original and isinstance(item, CalendarItem) and original in item.series.deleted:
        raise Refusal("ErrorItemNotFound")
    return box, item, original


def resolve_names(asked: Asked) -> Iterator[Element]:
    entry = text_of(asked.operation, "UnresolvedEntry")
    people = asked.directory.resolve(entry)
    full = asked.operation.get("ReturnFullContactData") in {"true", "1"}
    if not people:
        yield refused(asked.name, Refusal("ErrorNameResolutionNoResults"))
        return
    code = "NoError" if len(people) == 1 else "ErrorNameResolutionMultipleResults"
    about = {"TotalItemsInView": str(len(people)), "IncludesLastItemInRange": "true"}
    found = m("ResolutionSet", (_resolution(asked, one, full) for one in people), **about)
    yield message(asked.name, found, code=code)


def _resolution(asked: Asked, person: Person, full: bool) -> Element:
    box = asked.directory.boxes[person.email]
    addresses = [f"SMTP:{person.email}", *(f"smtp:{one}" for one in person.aliases)][:3]
    entries = (t("Entry", one, Key=f"EmailAddress{number}") for number, one in enumerate(addresses, 1))
    contact = t("Contact", t("DisplayName", person.name), t("EmailAddresses", entries))
    return t("Resolution", box.mailbox_of(person.name, person.email), contact if full else None)


def get_server_time_zones(asked: Asked) -> Iterator[Element]:
    if asked.operation.get("ReturnFullTimeZoneData", "true") in {"true", "1"}:
        raise NotInThisFake("The fake knows the names of zones, and not the rules of Windows")
    wanted = [one.text or "" for one in asked.parts("Ids")]
    yield message(asked.name, m("TimeZoneDefinitions", every_definition(wanted)))


HANDLERS: dict[str, Callable[[Asked], Iterator[Element]]] = {
    "GetFolder": get_folder,
    "FindFolder": find_folder,
    "SyncFolderHierarchy": sync_folder_hierarchy,
    "SyncFolderItems": sync_folder_items,
    "FindItem": find_item,
    "GetItem": get_item,
    "ResolveNames": resolve_names,
    "GetServerTimeZones": get_server_time_zones,
}


def _each(
    asked: Asked, elements: Iterable[Element], handle: Callable[[Element], Element]
) -> Iterator[Element]:
    """One message for each, in their order; an error is that one's alone."""
    for element in elements:
        try:
            yield handle(element)
        except Refusal as refusal:
            yield refused(asked.name, refusal)


def _passes(values: dict[str, Any], restriction: Element | None) -> bool:
    return restriction is None or meets(values, restriction[0])
