"""Keyset paging through an index, in both directions, with records that have no value last.

A backward index scan yields nulls first, so descending order is written in two parts; each part
stops at the page's size, and the second does not run while the first still fills the page. Deep
pages cost what the first does.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from crm.places import BadPlace, decode, encode, is_id, moment_of
from crm.tables.filters import Origin


@dataclass(frozen=True, slots=True)
class Place:
    """The last row that was shown: its key (None where it has none), its id, and its number."""

    key: Any
    pk: int
    number: int

    def encoded(self) -> str:
        return encode(self.key, self.pk, self.number)

    @classmethod
    def decoded(cls, text: str, key_type: str, *, has_gaps: bool = False) -> "Place":
        """Raises BadPlace, also for a key that is none of this type, or for none where there are no gaps."""
        key, pk, number = decode(text, length=3)
        if not (is_id(pk) and is_id(number) and (has_gaps if key is None else _fits(key, key_type))):
            raise BadPlace
        return cls(key, pk, number)


# Half a character, which JSON can spell and UTF-8 cannot.
_SURROGATE = re.compile("[\ud800-\udfff]")


def _fits(key: Any, key_type: str) -> bool:
    """Could PostgreSQL read it as one?"""
    if key_type == "text":
        return isinstance(key, str) and "\0" not in key and not _SURROGATE.search(key)
    if key_type == "timestamptz":
        return bool(moment_of(key))
    if key_type == "float8":
        return isinstance(key, float) or is_id(key)
    return is_id(key) and (key_type == "bigint" or abs(key) < 2**31)


@dataclass(frozen=True, slots=True)
class Step:
    """Which page: everything after `after` in the direction asked for. `members` are in the order
    of their names."""

    is_descending: bool = False
    after: Place | None = None
    members: Sequence[int] = ()

    @property
    def sign(self) -> str:
        return "<" if self.is_descending else ">"

    @property
    def order(self) -> str:
        return "DESC" if self.is_descending else "ASC"


# A condition that a record has to meet, by its id, `w.company_id`: `w` is a row of the walk's origin.
Narrow = Callable[[str, Origin | None], str]


class Walk(Protocol):
    """SQL that yields (id, key) of at most %(limit)s records in order, %(workspace)s given, and
    the parameters it needs besides. `origin` is the table of whose rows it is made, if of one."""

    @property
    def origin(self) -> Origin | None: ...

    @property
    def key_type(self) -> str:
        """As PostgreSQL calls it: text, timestamptz, float8, or one of whole numbers."""
        ...

    @property
    def has_gaps(self) -> bool:
        """Are there records without a key?"""
        ...

    @property
    def own_key(self) -> str:
        """The key as a row `f` of the origin holds it; nothing where it takes more to tell."""
        ...

    def page(self, step: Step, narrow: Narrow | None = None) -> tuple[str, dict[str, Any]]: ...

    def near(self, step: Step, narrow: Narrow, within: int) -> tuple[str, dict[str, Any]] | None:
        """The same among the next `within` rows of the order; None where it is made by sorting."""
        ...

    def sorted_few(self, step: Step, few: str, *, is_keyed: bool = False) -> tuple[str, dict[str, Any]]:
        """The same for the records in the set `few` (id), which is small enough to sort. It may hold
        their own key besides (id, key)."""
        ...


@dataclass(frozen=True, slots=True)
class IndexWalk:
    """`source` is what follows FROM, up to and with WHERE conditions; (`key`, `pk`) has an index
    there. `rest` yields the records without a key, which may stand in the source as well (`is_whole`)."""

    source: str
    pk: str
    key: str
    key_type: str
    origin: Origin | None = None
    rest: str = ""
    rest_pk: str = ""
    is_whole: bool = False

    @property
    def has_gaps(self) -> bool:
        return bool(self.rest)

    @property
    def own_key(self) -> str:
        return self.key.replace("w.", "f.") if self.is_whole else ""

    def page(self, step: Step, narrow: Narrow | None = None) -> tuple[str, dict[str, Any]]:
        return self._parts(step, narrow), _bounds(step)

    def near(self, step: Step, narrow: Narrow, within: int) -> tuple[str, dict[str, Any]]:
        rows = self._parts(step, None, meets=narrow).replace("%(limit)s", str(within))
        passed = f"SELECT * FROM ({rows}) x LIMIT {within}"
        return f"SELECT p.id, p.key FROM ({passed}) p WHERE p.meets", _bounds(step)

    def _parts(self, step: Step, narrow: Narrow | None, *, meets: Narrow | None = None) -> str:
        parts = []
        if step.after is None or step.after.key is not None:
            parts.append(self._with_key(step, narrow, meets))
        if self.rest:
            parts.append(self._without_key(step, narrow, meets))
        return " UNION ALL ".join(parts)

    def _with_key(self, step: Step, narrow: Narrow | None, meets: Narrow | None) -> str:
        conditions = [f"{self.key} IS NOT NULL"] if self.rest else []
        if step.after:
            key = f"%(after_key)s::{self.key_type}"
            conditions += [
                f"{self.key} {step.sign}= {key}",
                f"({self.key}, {self.pk}) {step.sign} ({key}, %(after_id)s)",
            ]
        return (
            f"(SELECT {self.pk} AS id, {self.key} AS key{self._told(self.pk, meets)} FROM {self.source}"
            f"{_and(conditions, narrow, self.pk, self.origin)}"
            f" ORDER BY {self.key} {step.order}, {self.pk} {step.order} LIMIT %(limit)s)"
        )

    def _without_key(self, step: Step, narrow: Narrow | None, meets: Narrow | None) -> str:
        is_inside = step.after is not None and step.after.key is None
        conditions = [f"{self.rest_pk} {step.sign} %(after_id)s"] if is_inside else []
        told = self._told(self.rest_pk, meets)
        return (
            f"(SELECT {self.rest_pk} AS id, NULL::{self.key_type} AS key{told} FROM {self.rest}"
            f"{_and(conditions, narrow, self.rest_pk, self.origin)}"
            f" ORDER BY {self.rest_pk} {step.order} LIMIT %(limit)s)"
        )

    def _told(self, pk: str, meets: Narrow | None) -> str:
        return f", {meets(pk, self.origin)} AS meets" if meets else ""

    def sorted_few(self, step: Step, few: str, *, is_keyed: bool = False) -> tuple[str, dict[str, Any]]:
        keyed = (
            few
            if is_keyed
            else (
                f"SELECT few.id, k.key FROM ({few}) few LEFT JOIN LATERAL"
                f" (SELECT {self.key} AS key FROM {self.source} AND {self.pk} = few.id) k ON true"
            )
        )
        return _sorted_set(keyed, step, self.key_type), _bounds(step)


@dataclass(frozen=True, slots=True)
class MemberWalk:
    """By a member's name: one short index range for each member, in the order of their names, of
    which only as many are read as the page needs. `table` has (workspace_id, `key`, `pk`)."""

    table: str
    pk: str
    key: str
    key_type: str = "bigint"

    @property
    def origin(self) -> Origin:
        return self.table, self.pk

    @property
    def has_gaps(self) -> bool:
        return True

    @property
    def own_key(self) -> str:
        return f"f.{self.key}"

    def page(self, step: Step, narrow: Narrow | None = None) -> tuple[str, dict[str, Any]]:
        parts = []
        if step.after is None or step.after.key is not None:
            parts.append(self._by_member(step, narrow))
        parts.append(self._without_member(step, narrow))
        return " UNION ALL ".join(parts), self._parameters(step)

    def near(self, step: Step, narrow: Narrow, within: int) -> None:
        return None

    def _by_member(self, step: Step, narrow: Narrow | None) -> str:
        inner = [f"w.workspace_id = %(workspace)s AND w.{self.key} = m.member_id"]
        outer = ""
        if step.after:
            inner.append(f"(m.rank > %(after_rank)s OR w.{self.pk} {step.sign} %(after_id)s)")
            outer = " WHERE m.rank >= %(after_rank)s"
        return (
            "(SELECT s.id, m.member_id AS key"
            " FROM unnest(%(members)s::bigint[]) WITH ORDINALITY AS m(member_id, rank)"
            f" CROSS JOIN LATERAL (SELECT w.{self.pk} AS id FROM {self.table} w"
            f" WHERE {inner[0]}{_and(inner[1:], narrow, f'w.{self.pk}', self.origin)}"
            f" ORDER BY w.{self.pk} {step.order} LIMIT %(limit)s) s{outer}"
            f" ORDER BY m.rank, s.id {step.order} LIMIT %(limit)s)"
        )

    def _without_member(self, step: Step, narrow: Narrow | None) -> str:
        is_inside = step.after is not None and step.after.key is None
        conditions = [f"w.{self.pk} {step.sign} %(after_id)s"] if is_inside else []
        return (
            f"(SELECT w.{self.pk} AS id, NULL::bigint AS key FROM {self.table} w"
            f" WHERE w.workspace_id = %(workspace)s AND w.{self.key} IS NULL"
            f"{_and(conditions, narrow, f'w.{self.pk}', self.origin)}"
            f" ORDER BY w.{self.pk} {step.order} LIMIT %(limit)s)"
        )

    def sorted_few(self, step: Step, few: str, *, is_keyed: bool = False) -> tuple[str, dict[str, Any]]:
        joined = (
            f"SELECT few.id, w.{self.key} AS key FROM ({few}) few JOIN {self.table} w ON w.{self.pk} = few.id"
        )
        keyed = (
            "SELECT k.id, array_position(%(members)s::bigint[], k.key) AS key"
            f" FROM ({few if is_keyed else joined}) k"
        )
        ascending = Step(False, step.after, step.members)
        ranked = _sorted_set(keyed, ascending, "int", key="%(after_rank)s", id_step=step)
        named = f"SELECT x.id, (%(members)s::bigint[])[x.key] AS key FROM ({ranked} LIMIT %(limit)s) x"
        return named, self._parameters(step)

    def _parameters(self, step: Step) -> dict[str, Any]:
        members = list(reversed(step.members)) if step.is_descending else list(step.members)
        after = step.after.key if step.after else None
        rank = members.index(after) + 1 if after in members else 0
        return {"members": members, "after_rank": rank, **_bounds(step)}


def _sorted_set(
    keyed: str, step: Step, key_type: str, *, key: str = "%(after_key)s", id_step: Step | None = None
) -> str:
    by_id = id_step or step
    condition = ""
    if step.after and step.after.key is None:
        condition = f" WHERE x.key IS NULL AND x.id {by_id.sign} %(after_id)s"
    elif step.after:
        condition = (
            f" WHERE x.key IS NULL OR x.key {step.sign} {key}::{key_type}"
            f" OR (x.key = {key}::{key_type} AND x.id {by_id.sign} %(after_id)s)"
        )
    return (
        f"SELECT x.id, x.key FROM ({keyed}) x{condition}"
        f" ORDER BY x.key {step.order} NULLS LAST, x.id {by_id.order}"
    )


def _and(conditions: Sequence[str], narrow: Narrow | None, pk: str, origin: Origin | None) -> str:
    narrowed = [*conditions, *([narrow(pk, origin)] if narrow else [])]
    return "".join(f" AND {condition}" for condition in narrowed)


def _bounds(step: Step) -> dict[str, Any]:
    return {"after_key": step.after.key, "after_id": step.after.pk} if step.after else {}
