"""The values of columns for some records, each SQL expression once, however many columns use it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from crm.statements import fetch
from crm.tables.columns import Column

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """`statement` passed to `rows` has {selected} as its last columns and {joins}."""

    columns: Sequence[Column]
    expressions: Sequence[str]
    # Which of the expressions each column uses.
    places: Sequence[Sequence[int]]
    due: str

    @classmethod
    def of(cls, columns: Iterable[Column]) -> "Selection":
        columns = list(columns)
        used = list(dict.fromkeys(expression for column in columns for expression in column.select))
        places = [[used.index(expression) for expression in column.select] for column in columns]
        overtaken = dict.fromkeys(column.source.due for column in columns if column.source.due)
        return cls(columns, used, places, " OR ".join(overtaken) or "false")

    def rows(self, statement: str, **parameters: Any) -> list[Row]:
        """Rows end with the values of `expressions`. Where the clock has overtaken a stored answer
        the rows are read once more, from what it is made of."""
        found = fetch(self._filled(statement, is_due=False), **parameters)
        if any(row[-1] for row in found):
            found = fetch(self._filled(statement, is_due=True), **parameters)
        return found

    def per_column(self, row: Row) -> Iterator[tuple[Column, Sequence[Any]]]:
        """The values of one row, dealt out to its columns."""
        values = row[-1 - len(self.expressions) : -1]
        for column, places in zip(self.columns, self.places, strict=True):
            yield column, [values[place] for place in places]

    def _filled(self, statement: str, *, is_due: bool) -> str:
        sources = [column.source for column in self.columns]
        joins = dict.fromkeys(one.due_join if is_due and one.due_join else one.join for one in sources)
        selected = ", ".join([*self.expressions, "false" if is_due else f"({self.due})"])
        return statement.replace("{selected}", selected).replace("{joins}", " ".join(joins))
