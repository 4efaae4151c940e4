"""One change of records by hand: who may make it, one at a time, and word to everybody who derives
something from them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import transaction
from django.db.models import Model

from crm.counting import count_people
from crm.locking import lock_workspace
from crm.models import Company, Member, Person
from crm.records import RECORD_TYPES, RecordType
from crm.signals import records_changed, records_rewritten

Record = Company | Person


class Operator:
    """Whoever runs the installation, in Django admin: of no workspace and of all."""


OPERATOR = Operator()
Editor = Member | Operator


class CannotEdit(ValueError):
    """The change makes no sense; the message says why, in the user's words."""


class Touched:
    """Ids of the records a change is about; None among them counts for nothing. `rewritten` are records
    that only look different."""

    def __init__(self) -> None:
        self.people: set[Any] = set()
        self.companies: set[Any] = set()
        self.rewritten: dict[str, set[Any]] = {name: set() for name in RECORD_TYPES}

    def add(self, kind: RecordType, ids: Iterable[Any]) -> None:
        (self.people if kind.name == "person" else self.companies).update(ids)

    def rewrite(self, kind: RecordType, ids: Iterable[Any]) -> None:
        self.rewritten[kind.name].update(ids)


def kind_of(record: Record) -> RecordType:
    return RECORD_TYPES[type(record).__name__.lower()]


def read_again(row: Model, *, gone: str = "") -> None:
    """It was found before there was the lock. Raises CannotEdit, with what `gone` says."""
    try:
        row.refresh_from_db()
    except ObjectDoesNotExist:
        raise CannotEdit(gone or f"{row} has been deleted meanwhile.") from None


@contextmanager
def changing(workspace_id: int, by: Editor) -> Iterator[Touched]:
    """Permission, the workspace's lock, and afterwards word of what was touched, in one transaction."""
    if isinstance(by, Member) and not (by.is_active and by.workspace_id == workspace_id):
        raise PermissionDenied
    touched = Touched()
    with transaction.atomic():
        lock_workspace(workspace_id)
        yield touched
        _tell(workspace_id, touched)


def _tell(workspace_id: int, touched: Touched) -> None:
    people, companies = touched.people - {None}, touched.companies - {None}
    count_people(companies)
    if people or companies:
        records_changed.send(
            sender=Company, workspace_id=workspace_id, person_ids=people, company_ids=companies
        )
    rewritten = touched.rewritten["person"] - people, touched.rewritten["company"] - companies
    if any(rewritten):
        records_rewritten.send(
            sender=Company, workspace_id=workspace_id, person_ids=rewritten[0], company_ids=rewritten[1]
        )
