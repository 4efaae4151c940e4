"""Saved views: a table under a name, for oneself or for everyone."""

import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction

from crm.live import announce
from crm.locking import lock_workspace
from crm.models import Member, SavedView
from crm.models.view import keeps
from crm.records import RECORD_TYPES
from crm.statements import fetch

MOST_VIEWS = 50
MOST_NAME = 60


class CannotSave(ValueError):
    """The view makes no sense; the message says why, in the user's words."""


class ChangedMeanwhile(ValueError):
    """It is another by now than whoever saves over it has seen."""


@dataclass(frozen=True, slots=True)
class View:
    """One that a member may use. `filters` and `columns` are as in a table's address."""

    pk: int
    kind: str
    name: str
    is_shared: bool
    owner_id: int | None
    sort: str
    filters: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def icon(self) -> str:
        """What it is narrowed or sorted by first, as a picture."""
        for about in (*self.filters, self.sort):
            if "strength" in about or "strongest" in about:
                return "strength"
            if "next_calendar" in about:
                return "calendar"
            if "interaction" in about and self.filters:
                return "history"
        return "table"

    @property
    def version(self) -> str:
        """Another once it shows something else; by another name it is the same."""
        return f"{zlib.crc32(repr((self.sort, self.filters, self.columns)).encode()):08x}"

    def is_kept_by(self, member: Member) -> bool:
        return keeps(member, owner_id=self.owner_id, is_shared=self.is_shared)


# The views that a member `m` may use, oldest first, as JSON. See `views_of`.
VIEWS = """(
    SELECT coalesce(json_agg(json_build_object(
               'pk', v.id, 'kind', v.kind, 'name', v.name, 'is_shared', v.is_shared, 'owner_id', v.owner_id,
               'sort', v.sort, 'filters', v.filters, 'columns', v.columns) ORDER BY v.id), '[]')::text
    FROM crm_savedview v WHERE v.workspace_id = m.workspace_id AND (v.owner_id = m.id OR v.is_shared)
)"""


def views_of(member: Member, kind: str) -> list[View]:
    """Without a query where the member was read with them, as for every page."""
    text: str | None = getattr(member, "views", None)
    found: list[dict[str, Any]] = json.loads(_read(member) if text is None else text)
    return [_view(one) for one in found if one["kind"] == kind]


def _read(member: Member) -> str:
    text: str = fetch(f"SELECT {VIEWS} FROM crm_member m WHERE m.id = %(member)s", member=member.pk)[0][0]
    return text


def _view(found: dict[str, Any]) -> View:
    return View(**found | {"filters": tuple(found["filters"]), "columns": tuple(found["columns"])})


@contextmanager
def _changing(by: Member) -> Iterator[None]:
    """One at a time: names are compared with those of others, and versions with what there is."""
    if not by.is_active:
        raise PermissionDenied
    with transaction.atomic():
        lock_workspace(by.workspace_id)
        yield


def save_view(
    kind: str,
    name: str,
    *,
    sort: str,
    filters: Iterable[str],
    columns: Iterable[str],
    is_shared: bool,
    by: Member,
) -> SavedView:
    """A new one. Raises CannotSave."""
    with _changing(by):
        if kind not in RECORD_TYPES:
            raise CannotSave("There is no such table.")
        if SavedView.objects.visible_to(by).filter(kind=kind).count() >= MOST_VIEWS:
            raise CannotSave(f"There are {MOST_VIEWS} views already. Delete one that nobody needs.")
        _require_own_name(kind, name, by=by)
        view = SavedView.objects.create(
            workspace_id=by.workspace_id,
            owner=by,
            kind=kind,
            name=_name(name),
            sort=sort,
            filters=list(filters),
            columns=list(columns),
            is_shared=is_shared,
        )
        _tell(by, is_shared=is_shared)
    return view


def rearrange_view(
    view: SavedView,
    *,
    sort: str,
    filters: Iterable[str],
    columns: Iterable[str],
    by: Member,
    version: str = "",
) -> None:
    """Save over it how the table looks now. Raises ChangedMeanwhile where `version` is not that of today."""
    with _changing(by):
        _require_keeper(view, by)
        if version and version != _version_now(view, by):
            raise ChangedMeanwhile
        _write(view, sort=sort, filters=list(filters), columns=list(columns))
        _tell(by, is_shared=view.is_shared)


def _version_now(view: SavedView, by: Member) -> str:
    found = (one for one in json.loads(_read(by)) if one["pk"] == view.pk)
    return next((_view(one).version for one in found), "")


def describe_view(view: SavedView, name: str, *, is_shared: bool, by: Member) -> None:
    """Another name, or for others than before. A view taken back from everyone stays its owner's; one
    whose owner is gone becomes that of whoever takes it."""
    with _changing(by):
        _require_keeper(view, by)
        _require_own_name(view.kind, name, by=by, besides=view.pk)
        owner_id = by.pk if not is_shared and view.owner_id is None else view.owner_id
        was_shared = view.is_shared
        _write(view, name=_name(name), is_shared=is_shared, owner_id=owner_id)
        _tell(by, is_shared=was_shared or is_shared)


def delete_view(view: SavedView, *, by: Member) -> None:
    with _changing(by):
        _require_keeper(view, by)
        view.delete()
        _tell(by, is_shared=view.is_shared)


def _tell(by: Member, *, is_shared: bool) -> None:
    """Pages that list it; of one's own nobody else's."""
    announce(by.workspace_id, topics=["views"], member_id=None if is_shared else by.pk)


def _write(view: SavedView, **values: Any) -> None:
    if not SavedView.objects.filter(pk=view.pk).update(**values):
        raise CannotSave("This view has been deleted meanwhile.")
    for name, value in values.items():
        setattr(view, name, value)


def _name(text: str) -> str:
    name = " ".join(text.replace("\x00", "").split())
    if not name:
        raise CannotSave("Give the view a name.")
    if len(name) > MOST_NAME:
        raise CannotSave(f"A name has {MOST_NAME} characters at most.")
    return name


def _require_own_name(kind: str, name: str, *, by: Member, besides: int = 0) -> None:
    """Nobody can tell two tabs of one name apart."""
    known = SavedView.objects.visible_to(by).filter(kind=kind, name__iexact=_name(name)).exclude(pk=besides)
    if known.exists():
        raise CannotSave("There is a view of this name already.")


def _require_keeper(view: SavedView, by: Member) -> None:
    if view.workspace_id != by.workspace_id or not view.is_kept_by(by):
        raise PermissionDenied
