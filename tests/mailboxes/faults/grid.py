"""What is expected of each fault at each place, read from a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Named(Protocol):
    @property
    def name(self) -> str: ...


Place = TypeVar("Place", bound=Named)


@dataclass(frozen=True)
class GridCell(Generic[Place]):
    side: str
    fault: str
    place: Place
    expected: str

    def __str__(self) -> str:
        return f"{self.side}-{self.fault}-{self.place.name}".replace(" ", "_")


def cells_of(table: str, places: Mapping[str, Sequence[Place]]) -> Iterator[GridCell[Place]]:
    """The head names the sides, each row a fault and what comes of it at the `places` of each side;
    what does not happen is “-”."""
    head, *rows = table.strip("\n").splitlines()
    sides = [name.strip() for name in head.split("|")[1:]]
    for row in rows:
        fault, *columns = row.split("|")
        for side, column in zip(sides, columns, strict=True):
            for place, expected in zip(places[side], column.split(), strict=True):
                if expected != "-":
                    yield GridCell(side, fault.strip(), place, expected)
