"""A table's records in its order: which of the ways to find them is quick.

What few records meet is sorted. What many meet is found soon by walking the sort's index, unless they all
stand far down; so only a stretch of it is walked at first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from crm.plurals import Capped
from crm.records import RecordType
from crm.statements import Expected, expected, fetch
from crm.tables.columns import Look, columns_of
from crm.tables.filters import Asked, Narrowed, narrowed
from crm.tables.state import State
from crm.tables.walking import Narrow, Step, Walk

# The stretch in rows, walked where a page of matches should stand on it, by whether other rows have to be
# looked up; and how many are sorted.
NEAR, NEAR_OF_ROW, FEW = 6_000, 15_000, 10_000
# Of looking up a row, and of looking at the one at hand, in the planner's units. It would say 2.6, for pages
# that are not in memory. The second is twice what it takes: what sorts alike often stands far down together.
LOOK_COST, ROW_COST = 0.7, 0.3

# Where finding all costs as much, a stretch walked in vain is half of it.
DEAR = 2 * NEAR * LOOK_COST

# A statement and its parameters but %(limit)s, for (id, key) or, where it is read, (id, key, matching):
# how many match, null where they have not been counted.
Ordered = tuple[str, dict[str, Any]]
Read = Callable[[str, dict[str, Any]], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Ordering:
    kind: RecordType
    walk: Walk
    step: Step
    found: Narrowed | None
    parameters: dict[str, Any]

    def read(self, read: Read, limit: int) -> tuple[list[tuple[Any, ...]], Capped | None]:
        """So many rows, and how many match, counted no further than it took to find those."""
        if self.found is None:
            return read(*_uncounted(self._walked())), None
        few = expected(self.found.few, **self.parameters)
        near = self._near(self.found, few, limit)
        if near and len(rows := read(*_uncounted(near))) == limit:
            seen = limit + (self.step.after.number if self.step.after else 0)
            return rows, Capped(seen, seen - 1)
        if few.rows <= 2 * FEW:
            rows = read(*self._sorted(self.found))
            matching = rows[0][2] if rows else 0
            if matching <= FEW:
                return rows, Capped(matching, FEW)
        ordered, counted = self.all()
        return read(*_uncounted(ordered)), counted

    def all(self) -> tuple[Ordered, Capped | None]:
        """To the end, and how many match where there are filters."""
        if self.found is None:
            return self._walked(), None
        counted = f"SELECT count(*) FROM ({self.found.few} LIMIT {FEW + 1}) counted"
        matching = Capped(fetch(counted, **self.parameters)[0][0], FEW)
        if matching.is_capped:
            return self._walked(self.found.exists), matching
        sql, bounds = self.walk.sorted_few(self.step, self.found.few)
        return (sql, self.parameters | bounds), matching

    def only(self, ids: Sequence[int]) -> Ordered:
        """Without all other records."""
        everything = f"SELECT f0.id FROM {self.kind.table} f0 WHERE f0.workspace_id = %(workspace)s"
        few = f"SELECT id FROM ({self.found.few if self.found else everything}) f WHERE id = ANY(%(only)s)"
        sql, bounds = self.walk.sorted_few(self.step, few)
        return sql, self.parameters | bounds | {"only": list(ids)}

    def _walked(self, narrow: Narrow | None = None) -> Ordered:
        sql, bounds = self.walk.page(self.step, narrow)
        return f"SELECT * FROM ({sql}) walked", self.parameters | bounds

    def _near(self, found: Narrowed, few: Expected, limit: int) -> Ordered | None:
        """None where a page would not stand near, where finding and sorting all that match costs less, or
        where the table is no longer than the stretch. How many texts hold a word is a guess: where finding
        them all is dear, the stretch is walked on the chance."""
        is_dear = few.cost >= DEAR
        if few.rows < limit and not is_dear:
            return None
        everything = f"SELECT FROM {self.kind.table} WHERE workspace_id = %(workspace)s"
        total = expected(everything, **self.parameters).rows
        # A set is kept as long as it fits into memory.
        asked = found.kept if not is_dear and few.rows <= 10 * FEW else found
        is_of_row = asked.is_of_row(self.walk.origin)
        stretch, cost = (NEAR_OF_ROW, ROW_COST) if is_of_row else (NEAR, LOOK_COST)
        rows = limit * total / max(few.rows, 1)
        rows = min(rows, stretch) if is_dear else rows
        if not rows <= stretch < total or rows * cost > few.cost + few.rows * LOOK_COST:
            return None
        near = self.walk.near(self.step, asked.check, stretch)
        return near and (near[0], self.parameters | near[1])

    def _sorted(self, found: Narrowed) -> Ordered:
        key = self.walk.own_key if found.is_of_row(self.walk.origin) else ""
        few = found.few_with(key)
        sql, bounds = self.walk.sorted_few(self.step, "SELECT * FROM few", is_keyed=bool(key))
        return (
            f"WITH few AS MATERIALIZED ({few} LIMIT {FEW + 1})"
            f" SELECT s.*, (SELECT count(*) FROM few) AS matching FROM ({sql}) s",
            self.parameters | bounds,
        )


def ordering(workspace_id: int, kind: RecordType, state: State, look: Look) -> Ordering:
    walk = columns_of(kind.name)[state.sort].walk
    assert walk is not None  # a state is never sorted by what cannot be
    found = narrowed(state.filters, Asked(look.now, look.member_id)) if state.filters else None
    parameters = {"workspace": workspace_id, "now": look.now, **(found.values if found else {})}
    return Ordering(kind, walk, Step(state.is_descending, state.after, list(look.faces)), found, parameters)


def _uncounted(ordered: Ordered) -> Ordered:
    sql, parameters = ordered
    return f"SELECT u.*, NULL::bigint AS matching FROM ({sql}) u", parameters
