"""What stands above the rows of a table, and the menu of its columns: the same for every page of it and for
whoever looks, so that they are drawn once."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from django.template import Library
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from crm.records import RECORD_TYPES
from crm.tables.columns import Column, columns_of
from crm.tables.page import Header, Table

register = Library()
_remembered = lru_cache(maxsize=1_000)

# The name of its column, `aria-sort`, and the address that sorts by it.
Head = tuple[str, str, str]


@register.simple_tag
def heads(table: Table, slug: str) -> SafeString:
    drawn = tuple((one.column.name, one.aria_sort, one.sort_query) for one in table.headers)
    return _heads(table.kind.name, slug, table.query, drawn)


@register.simple_tag
def column_choices(columns: Iterable[tuple[Column, bool]], table: Table, slug: str) -> SafeString:
    chosen = tuple((column.name, is_shown) for column, is_shown in columns)
    return _column_choices(table.kind.name, slug, table.query, chosen)


@_remembered
def _heads(kind_name: str, slug: str, query: str, heads: tuple[Head, ...]) -> SafeString:
    known = columns_of(kind_name)
    headers = [Header(known[name], aria_sort, sort_query) for name, aria_sort, sort_query in heads]
    return render_to_string("crm/_heads.html", _addresses(kind_name, slug, query) | {"headers": headers})


@_remembered
def _column_choices(
    kind_name: str, slug: str, query: str, chosen: tuple[tuple[str, bool], ...]
) -> SafeString:
    columns = [(columns_of(kind_name)[name], is_shown) for name, is_shown in chosen]
    context = _addresses(kind_name, slug, query) | {"columns": columns}
    return render_to_string("crm/_column_choices.html", context)


def _addresses(kind_name: str, slug: str, query: str) -> dict[str, Any]:
    kind = RECORD_TYPES[kind_name]
    columns_url = reverse("crm:columns", args=[slug, kind.plural])
    return {"kind": kind, "query": query, "list_url": kind.list_url(slug), "columns_url": columns_url}
