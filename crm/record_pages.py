"""What every tab of a record page shares: header, details, the values of its attributes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.safestring import SafeString

from crm import cells
from crm.models import Member
from crm.records import RecordType, find_record
from crm.tables.columns import Column, Look, columns_of
from crm.tables.page import members_of
from crm.tables.selecting import Selection

STRIP = {
    "connection_strength": "",
    "strongest_connection": "",
    "last_interaction": "Last",
    "next_calendar_interaction": "Next",
}
# A number or a time by itself says nothing, and some are too long.
NEEDS_LABEL = frozenset({"people", "description", "phone"})
# The page has its own place for these.
APART = frozenset({"name", "created"})
# In the order in which people ask.
DETAILS = ("connection", "last_interaction", "first_interaction", "calendar", "email")


@dataclass(frozen=True, slots=True)
class Detail:
    column: Column
    value: SafeString


@dataclass(frozen=True, slots=True)
class Tab:
    """`path` follows the record's own address; `kinds` are the records that have it."""

    label: str
    path: str
    order: int
    kinds: Sequence[str] = ("company", "person")


_tabs: list[Tab] = []


def register_tab(tab: Tab) -> None:
    _tabs.append(tab)
    _tabs.sort(key=lambda one: one.order)


def tab_at(kind: RecordType, path: str) -> str:
    """The path of a tab that every record of the kind has, or that of the first one."""
    return path if any(tab.path == path and kind.name in tab.kinds for tab in _tabs) else ""


@dataclass(frozen=True, slots=True)
class RecordPage:
    kind: RecordType
    record: Any
    look: Look
    mark: SafeString
    list_url: str
    smart: Sequence[Detail]
    plain: Sequence[Detail]

    @property
    def strip(self) -> list[dict[str, Any]]:
        """What a small screen says under the name: how strong, who, last and next."""
        by_name = {one.column.name: one.value for one in self.smart}
        return [{"lead": lead, "value": by_name.get(name)} for name, lead in STRIP.items()]

    @property
    def headline(self) -> list[Detail]:
        """What says under the name, without a label, who this is."""
        return [one for one in self.plain if one.value and one.column.name not in NEEDS_LABEL]

    @property
    def tabs(self) -> list[Tab]:
        return [tab for tab in _tabs if self.kind.name in tab.kinds]

    @property
    def url(self) -> str:
        return self.kind.url(self.look.slug, self.record.pk)


def record_page(member: Member, kind: RecordType, pk: int, *, now: datetime) -> RecordPage:
    """Raises Http404 for a record the member may not see."""
    record = find_record(member, kind, pk)
    look = Look(timezone.localtime(now), members_of(member.workspace_id), member.workspace.slug)
    details = [Detail(column, column.cell(look, values)) for column, values in _values(kind, pk, now)]
    draw = cells.mark if kind.name == "company" else cells.avatar
    return RecordPage(
        kind=kind,
        record=record,
        look=look,
        mark=draw(pk, record.name, "xl"),
        list_url=kind.list_url(look.slug),
        smart=sorted((one for one in details if one.column.is_smart), key=_rank),
        plain=[one for one in details if not one.column.is_smart and one.column.name not in APART],
    )


def _rank(detail: Detail) -> int:
    name = detail.column.name
    return next((place for place, part in enumerate(DETAILS) if part in name), len(DETAILS))


def _values(kind: RecordType, pk: int, now: datetime) -> Iterable[tuple[Column, Sequence[Any]]]:
    selection = Selection.of(columns_of(kind.name).values())
    statement = f"SELECT {{selected}} FROM {kind.table} r {{joins}} WHERE r.id = %(pk)s"
    rows = selection.rows(statement, pk=pk, now=now)
    if not rows:
        raise Http404  # deleted since it was found
    return selection.per_column(rows[0])
