"""A row of a table as HTML: fifty of them with a dozen cells each are put together here rather than by
a template. Everything given is escaped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from crm import cells
from crm.records import RecordType
from crm.tables.columns import Column, Look

_CLOSING = SafeString("</td>")
_END = SafeString('<td class="col-add"></td></tr>\n')


@dataclass(frozen=True, slots=True)
class Row:
    key: str
    pk: int
    html: SafeString


def draw_row(
    kind: RecordType,
    pk: int,
    name: str,
    values: Iterable[tuple[Column, Sequence[Any]]],
    *,
    number: int,
    look: Look,
) -> Row:
    """`number` is its place in the table, from 1."""
    parts = [_lead(kind, pk, name, number=number, look=look)]
    for column, given in values:
        if column.name != "name":
            parts += (
                _opening(column.name, column.is_smart, column.is_editable),
                column.cell(look, given),
                _CLOSING,
            )
    parts.append(_END)
    return Row(f"{kind.name}:{pk}", pk, cells.joined(parts))


def _lead(kind: RecordType, pk: int, name: str, *, number: int, look: Look) -> SafeString:
    """The opening of the row: its tick box, number, mark and name."""
    draw = cells.mark if kind.name == "company" else cells.avatar
    shown = escape(name)
    # Only numbers and what is escaped goes in: format_html is slow, and there are fifty of these.
    return SafeString(
        f'<tr data-record="{kind.name}:{pk}" aria-rowindex="{number + 1}">'
        '<th scope="row" data-attribute="name" class="col-lead"><span class="row-pick">'
        f'<span class="row-num" aria-hidden="true">{number}</span>'
        f'<input class="check" type="checkbox" name="record" value="{pk}" form="bulk"'
        f' aria-label="Select {shown}"></span>'
        f'<a class="record-link" href="{kind.url(look.slug, pk)}" title="{shown}">{draw(pk, name)}'
        f"<span>{shown}</span></a></th>"
    )


@cache
def blank_cells(are_smart: tuple[bool, ...], inside: str = "") -> SafeString:
    """The cells after the first of a row that waits for its values."""
    kinds = ('class="c-smart" data-smart' if is_smart else 'class="c-plain"' for is_smart in are_smart)
    return SafeString("".join(f"<td {kind}>{inside}</td>" for kind in kinds))


@cache
def _opening(attribute: str, is_smart: bool, is_editable: bool) -> SafeString:
    """On a narrow screen plain columns drop out first."""
    if is_smart:
        return format_html('<td class="c-smart" data-attribute="{}" data-smart>', attribute)
    edit = SafeString(" data-edit") if is_editable else SafeString("")
    return format_html('<td class="c-plain" data-attribute="{}"{}>', attribute, edit)
