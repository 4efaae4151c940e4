"""Measure and print: one JSON line per figure."""

import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any


def timed(work: Callable[[], Any]) -> float:
    """Seconds of wall time."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(*works: Callable[[], Any], rounds: int = 7) -> list[float]:
    """Median seconds of each, measured in turn so that what else the machine does hits all alike.
    One unmeasured round warms up."""
    for work in works:
        work()
    times = [[timed(work) for work in works] for _ in range(rounds)]
    return [median(column) for column in zip(*times, strict=True)]


def show(name: str, *, ratio: float, of: float, against: float, unit: str, goal: str, **more: Any) -> None:
    """`ratio` is what the goal speaks of; `of` and `against` the two numbers behind it, in `unit`."""
    figure = {
        "figure": name,
        "ratio": round(ratio, 4),
        "goal": goal,
        "of": round(of, 6),
        "against": round(against, 6),
        "unit": unit,
        **more,
    }
    print(json.dumps(figure), flush=True)  # noqa: T201 (this is the command's output)
