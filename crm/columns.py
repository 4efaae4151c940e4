"""The columns a records table can show; other apps register theirs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.safestring import SafeString

from crm import cells
from crm.cells import Face
from crm.records import COMPANY, PERSON
from crm.walking import IndexWalk, Walk

RECORD_ATTRIBUTES = "Record attributes"


@dataclass(frozen=True, slots=True)
class Look:
    """What cells need besides their values: the moment, who the members are, where links lead."""

    now: datetime
    faces: dict[int, Face]
    slug: str


Values = Sequence[Any]

OLDEST_OR_NEWEST = ("oldest first", "newest first")
SOONEST_OR_FURTHEST = ("soonest first", "furthest first")
WEAKEST_OR_STRONGEST = ("weakest first", "strongest first")
FEWEST_OR_MOST = ("fewest first", "most first")


@dataclass(frozen=True, slots=True)
class Source:
    """What is joined to the record. Where `due` is true of a row, the clock has overtaken what is
    stored, and `due_join` answers instead."""

    join: str = ""
    due: str = ""
    due_join: str = ""


PLAIN = Source()


@dataclass(frozen=True, slots=True)
class Column:
    """`select` are SQL expressions over the record `r` and over `source`; their values go to
    `cell` for the page and, under the names in `exports`, through `export` into a CSV file."""

    name: str
    label: str
    icon: str
    width: int
    walk: Walk
    select: tuple[str, ...]
    cell: Callable[[Look, Values], SafeString]
    source: Source = PLAIN
    group: str = RECORD_ATTRIBUTES
    description: str = ""
    # What ascending and descending mean here, in words.
    orders: tuple[str, str] = ("A to Z", "Z to A")
    # Sorted for the first time, does it begin with the last?
    is_newest_first: bool = False
    is_smart: bool = False
    exports: tuple[str, ...] = ()
    export: Callable[[Look, Values], Sequence[str]] | None = None

    @property
    def short_label(self) -> str:
        """Beside its value, where there is less room than above a column."""
        is_long = "email" in self.name or "calendar" in self.name
        return self.label.removesuffix(" interaction") if is_long else self.label


@dataclass(slots=True)
class _Registry:
    columns: dict[str, dict[str, Column]] = field(default_factory=lambda: {"company": {}, "person": {}})
    sort: dict[str, str] = field(default_factory=dict)


_registry = _Registry()


def register(kind: str, *columns: Column, default_sort: str = "") -> None:
    """Columns for a kind of record, after those there are; `default_sort` as in a URL."""
    _registry.columns[kind].update({column.name: column for column in columns})
    if default_sort:
        _registry.sort[kind] = default_sort


def columns_of(kind: str) -> dict[str, Column]:
    return _registry.columns[kind]


def default_sort(kind: str) -> str:
    return _registry.sort.get(kind, "name")


# What records know by themselves


def _walk_by_name(table: str) -> Walk:
    return IndexWalk(
        source=f"{table} w WHERE w.workspace_id = %(workspace)s", pk="w.id", key="w.name_key", key_type="text"
    )


DOMAIN_WALK = IndexWalk(
    source="""crm_companydomain w WHERE w.workspace_id = %(workspace)s AND NOT EXISTS (
        SELECT FROM crm_companydomain o WHERE o.company_id = w.company_id AND o.domain < w.domain)""",
    pk="w.company_id",
    key="w.domain",
    key_type="text",
    rest="""crm_company c WHERE c.workspace_id = %(workspace)s AND NOT EXISTS (
        SELECT FROM crm_companydomain o WHERE o.company_id = c.id)""",
    rest_pk="c.id",
)

ADDRESS_WALK = IndexWalk(
    source="""crm_address w WHERE w.workspace_id = %(workspace)s AND w.person_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM crm_address o WHERE o.person_id = w.person_id AND o.email < w.email)""",
    pk="w.person_id",
    key="w.email",
    key_type="text",
    rest="""crm_person p WHERE p.workspace_id = %(workspace)s AND NOT EXISTS (
        SELECT FROM crm_address o WHERE o.person_id = p.id)""",
    rest_pk="p.id",
)

EMPLOYER_WALK = IndexWalk(
    source="""crm_company c JOIN crm_person w ON w.company_id = c.id
        WHERE c.workspace_id = %(workspace)s AND w.workspace_id = %(workspace)s""",
    pk="w.id",
    key="c.name_key",
    key_type="text",
    rest="crm_person p WHERE p.workspace_id = %(workspace)s AND p.company_id IS NULL",
    rest_pk="p.id",
)


def _face(text: str) -> tuple[int, str]:
    """`17 Sofia Bianchi`: as one text, which the driver reads far faster than a pair."""
    pk, _, name = text.partition(" ")
    return int(pk), name


register(
    COMPANY.name,
    Column(
        name="name",
        label="Company",
        icon="building",
        width=216,
        walk=_walk_by_name("crm_company"),
        select=("r.name",),
        cell=lambda look, values: cells.text(values),
    ),
    Column(
        name="domains",
        label="Domain",
        icon="globe",
        width=186,
        walk=DOMAIN_WALK,
        select=(
            "ARRAY(SELECT d.domain FROM crm_companydomain d WHERE d.company_id = r.id ORDER BY d.domain)",
        ),
        cell=lambda look, values: cells.text(values[0]),
        exports=("domains",),
        export=lambda look, values: (";".join(values[0]),),
    ),
    Column(
        name="people",
        label="People",
        icon="users",
        width=106,
        walk=IndexWalk(
            source="crm_company w WHERE w.workspace_id = %(workspace)s",
            pk="w.id",
            key="w.people_count",
            key_type="int",
        ),
        select=(
            "ARRAY(SELECT p.id || ' ' || p.name FROM crm_person p"
            " WHERE p.company_id = r.id ORDER BY p.id LIMIT 3)",
            "r.people_count",
        ),
        orders=FEWEST_OR_MOST,
        is_newest_first=True,
        cell=lambda look, values: cells.faces([_face(text) for text in values[0]], values[1]),
    ),
    default_sort="name",
)

register(
    PERSON.name,
    Column(
        name="name",
        label="Person",
        icon="user",
        width=232,
        walk=_walk_by_name("crm_person"),
        select=("r.name",),
        cell=lambda look, values: cells.text(values),
    ),
    Column(
        name="email_addresses",
        label="Email addresses",
        icon="at",
        width=248,
        walk=ADDRESS_WALK,
        select=("ARRAY(SELECT a.email FROM crm_address a WHERE a.person_id = r.id ORDER BY a.email)",),
        cell=lambda look, values: cells.text(values[0]),
        exports=("email_addresses",),
        export=lambda look, values: (";".join(values[0]),),
    ),
    Column(
        name="company",
        label="Company",
        icon="building",
        width=160,
        walk=EMPLOYER_WALK,
        select=("r.company_id", "(SELECT c.name FROM crm_company c WHERE c.id = r.company_id)"),
        cell=lambda look, values: (
            cells.link(COMPANY.url(look.slug, values[0]), values[1]) if values[0] else cells.EMPTY
        ),
        exports=("company",),
        export=lambda look, values: (values[1] or "",),
    ),
    default_sort="name",
)
