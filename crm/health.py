"""What /health/ says besides who answers: the numbers that other apps know, for whoever watches over an
installation."""

from collections.abc import Callable

Measure = Callable[[], int]

_measures: dict[str, Measure] = {}


def register_measure(name: str, measure: Measure) -> None:
    _measures[name] = measure


def measured(*, is_asked: bool) -> dict[str, int | None]:
    """Of each its number; None where it cannot be known, as without a database."""
    return {name: _number(measure) if is_asked else None for name, measure in _measures.items()}


def _number(measure: Measure) -> int | None:
    try:
        return measure()
    except Exception:  # whatever is wrong with it, it is no reason to take a server out of service
        return None
