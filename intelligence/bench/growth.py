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
    name, sizes = "4 cost of a message as the workspace grows", [small.world.size, large.world.size]
    for what, goal, drawing, before in (
        (", just after a checkpoint", "", _alike(small, large), partial(execute, "CHECKPOINT")),
        (", the same pages", "<= 1.3", _alike(small, large), None),
        (", and whom it speaks with as well", "", lambda world: world.lately, None),
    ):
        costs: list[list[float]] = [[], []]
        for _ in range(TURNS):
            for place, cost in zip((small, large), costs, strict=True):
                with inside(place.database):
                    cost.extend(_turn(place.world, drawing(place.world), before))
        against, of = map(median, costs)
        show(
            f"{name}{what}",
            ratio=of / against,
            of=of,
            against=against,
            unit="s/message",
            goal=goal,
            sizes=sizes,
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


def _alike(small: Place, large: Place) -> Callable[[World], Drawing]:
    """The same pages for both."""
    smallest = small.world.size
    drawings = {
        place.database: Drawing(Random(smallest), companies_of(smallest), timedelta(days=30))  # noqa: S311 (not secret)
        for place in (small, large)
    }
    return lambda world: drawings[small.database if world is small.world else large.database]
