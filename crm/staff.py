"""The people of a company, by name, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from crm import cells
from crm.models import Company, Member
from crm.records import PERSON
from crm.tables.columns import Column, columns_of
from crm.tables.page import look_of
from crm.tables.selecting import Selection
from crm.tables.walking import Place

PAGE_PEOPLE = 50
SHOWN = ("job_title", "last_interaction", "connection_strength", "email_addresses")

_PEOPLE = """
    SELECT r.id, r.name, r.name_key, {selected} FROM (
        SELECT p.* FROM crm_person p
        WHERE p.company_id = %(company)s AND p.workspace_id = %(workspace)s
          AND (p.name_key, p.id) > (%(after_key)s, %(after_id)s)
        ORDER BY p.name_key, p.id LIMIT %(limit)s) r
    {joins} ORDER BY r.name_key, r.id
"""


@dataclass(frozen=True, slots=True)
class Employee:
    pk: int
    name: str
    url: str
    avatar: SafeString
    cells: Sequence[tuple[Column, SafeString]]


@dataclass(frozen=True, slots=True)
class Staff:
    """`next_place` is where the next page begins; empty on the last."""

    columns: Sequence[Column]
    people: Sequence[Employee]
    next_place: str


def read_staff(company: Company, *, member: Member, place: str = "", now: datetime) -> Staff:
    """Raises BadPlace for a place that we did not make."""
    after = Place.decoded(place, "text") if place else Place("", 0, 0)
    known = columns_of(PERSON.name)
    columns = [known[name] for name in SHOWN if name in known]
    selection, look = Selection.of(columns), look_of(member, now=now)
    rows = selection.rows(
        _PEOPLE,
        company=company.pk,
        workspace=company.workspace_id,
        after_key=str(after.key or ""),
        after_id=after.pk,
        limit=PAGE_PEOPLE + 1,
        now=now,
    )
    people = [
        Employee(
            pk=row[0],
            name=row[1],
            url=PERSON.url(look.slug, row[0]),
            avatar=cells.avatar(row[0], row[1]),
            cells=[(column, column.cell(look, values)) for column, values in selection.per_column(row)],
        )
        for row in rows[:PAGE_PEOPLE]
    ]
    last = rows[PAGE_PEOPLE - 1] if len(rows) > PAGE_PEOPLE else None
    return Staff(columns, people, Place(last[2], last[0], 0).encoded() if last else "")
