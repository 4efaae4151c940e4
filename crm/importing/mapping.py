"""What the columns of a file are: guessed from their names, and put right by whoever imports it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from crm.importing.tabular import Line
from crm.naming import name_key
from crm.plain import PLAIN
from crm.records import RECORD_TYPES, RecordType
from crm.tables.columns import columns_of

# As other programs call them, without case, accents, or anything between the letters.
_ALSO = {
    "company": {
        "id": "id recordid companyid",
        "name": "name company companyname organisation organization account accountname firma firmenname",
        "domains": "domain domains website web url homepage site webseite",
        "industry": "industry sector branche",
        "location": "location city town headquarters address ort stadt",
        "description": "description about notes summary beschreibung",
    },
    "person": {
        "id": "id recordid personid contactid",
        "name": "name fullname contact contactname person",
        "first_name": "firstname givenname forename vorname",
        "last_name": "lastname surname familyname nachname",
        "email_addresses": "email emails emailaddress emailaddresses mail emailadresse primaryemail",
        "company": "company companyname organisation organization account employer firma",
        "job_title": "jobtitle title position role jobposition funktion",
        "phone": "phone phonenumber telephone mobile tel mobilephone telefon",
        "location": "location city town address ort stadt",
    },
}
_LABELS = {
    "id": "ID",
    "name": "Name",
    "first_name": "First name",
    "last_name": "Last name",
    "domains": "Domains",
    "email_addresses": "Email addresses",
    "company": "Company",
}
_SEPARATORS = re.compile(r"[\n,;]+")
_SEVERAL = frozenset(kind.known_by for kind in RECORD_TYPES.values())


@dataclass(frozen=True, slots=True)
class Entry:
    """What one row says of a record; what it says nothing of is left as it is."""

    line: int
    cells: Sequence[str]
    pk: str = ""
    name: str = ""
    values: Sequence[str] = ()
    company: str = ""
    plain: dict[str, str] = field(default_factory=dict)


def targets(kind: RecordType) -> dict[str, str]:
    """What a column can be, with its label."""
    labels = _LABELS | {one.name: one.label for one in PLAIN[kind.name]}
    return {name: labels[name] for name in _ALSO[kind.name]}


def guess(kind: RecordType, header: Sequence[str]) -> list[str]:
    """For each column a target, each but domains and addresses at most once; empty for the others."""
    known = {word: name for name, words in _ALSO[kind.name].items() for word in words.split()}
    found: list[str] = []
    for title in header:
        target = known.get(_plain(title), "")
        found.append(target if target in _SEVERAL or target not in found else "")
    return found


def read_choice(kind: RecordType, chosen: Sequence[str], width: int) -> list[str]:
    """What somebody has chosen for each column; anything unknown is left out."""
    offered = targets(kind)
    kept = [one if one in offered else "" for one in [*chosen, *[""] * width][:width]]
    return [one if one in _SEVERAL or one not in kept[:at] else "" for at, one in enumerate(kept)]


def ignored_smart(kind: RecordType, header: Sequence[str]) -> list[str]:
    """Columns of values that the system works out by itself, which no file can set."""
    smart = {name for column in columns_of(kind.name).values() if column.is_smart for name in column.exports}
    labels = {_plain(column.label) for column in columns_of(kind.name).values() if column.is_smart}
    return [title for title in header if title in smart or _plain(title) in labels]


def problem_of(kind: RecordType, columns: Sequence[str]) -> str:
    """Why nothing could be imported with these columns, or nothing."""
    values = kind.known_by
    if {"name", "first_name", "last_name", "id", values} & set(columns):
        return ""
    return f"Say which column is the name, or the {_LABELS[values].lower()}: a record is known by them."


def entry(kind: RecordType, columns: Sequence[str], line: Line) -> Entry:
    said: dict[str, list[str]] = {}
    for target, cell in zip(columns, line.cells, strict=False):
        if target and cell:
            said.setdefault(target, []).append(cell)
    first = {name: cells[0] for name, cells in said.items()}
    name = first.get("name") or " ".join(filter(None, (first.get("first_name"), first.get("last_name"))))
    values = said.get("domains", []) + said.get("email_addresses", [])
    return Entry(
        line=line.number,
        cells=line.cells,
        pk=first.get("id", ""),
        name=name,
        values=[part for cell in values for part in _parted(cell)],
        company=first.get("company", ""),
        plain={one.name: first[one.name] for one in PLAIN[kind.name] if one.name in first},
    )


def _parted(cell: str) -> Iterator[str]:
    """Blanks part domains and addresses; words that are neither stay together, to be refused as
    they were written."""
    for part in _SEPARATORS.split(cell):
        words = part.split()
        yield from words if all("." in word for word in words) else [part.strip()]


def _plain(title: str) -> str:
    return "".join(c for c in name_key(title) if c.isalnum())
