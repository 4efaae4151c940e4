"""Figure 4: what a message costs in the largest workspace, against the smallest."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random
from statistics import median

from crm.statements import execute
from intelligence.bench.databases import inside
from intelligence.bench.figures import show, timed
from intelligence.bench.world import PAGE, Drawing, World, companies_of

TURNS = 3
# Pages of a turn. Those for warming are not measured: a connection that is new has its statements planned.
WARMING, ROUNDS = 1, 4


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace, filled, and the database that it has to itself."""

    world: World
    database: str


def growth(small: Place, large: Place) -> None:
    """In turn, so that what else the machine does hits both. Just after a checkpoint each block goes whole
    into the log with the first change to it, and the more blocks there are the longer that lasts: this is
    told too, and what it is with whom each workspace speaks itself, who are more as it grows."""
    name, places = "4 cost of a message as the workspace grows", (small, large)
    for what, goal, drawings, before in (
        (", just after a checkpoint", "", _alike(small.world.size), partial(execute, "CHECKPOINT")),
        (", the same pages", "<= 1.3", _alike(small.world.size), None),
        (", and whom it speaks with as well", "", [place.world.lately for place in places], None),
    ):
        costs: list[list[float]] = [[], []]
        for _ in range(TURNS):
            for place, drawing, cost in zip(places, drawings, costs, strict=True):
                with inside(place.database):
                    cost.extend(_turn(place.world, drawing, before))
        against, of = map(median, costs)
        show(
            f"{name}{what}",
            ratio=of / against,
            of=of,
            against=against,
            unit="s/message",
            goal=goal,
            sizes=[place.world.size for place in places],
        )


def _turn(world: World, drawing: Drawing, before: Callable[[], object] | None) -> Iterator[float]:
    """Seconds for an item of each page. Pages are prepared before the clock starts."""
    pages = [world.page(drawing) for _ in range(WARMING + ROUNDS)]
    for page in pages[:WARMING]:
        world.store(*page)
    if before:
        before()
    for page in pages[WARMING:]:
        yield timed(partial(world.store, *page)) / PAGE


def _alike(size: int) -> list[Drawing]:
    """The same pages for both, with as many companies as there are in the smaller."""
    return [Drawing(Random(size), companies_of(size), timedelta(days=30)) for _ in range(2)]  # noqa: S311 (not secret)
