"""The text files next to this module, read once."""

from functools import cache
from pathlib import Path

_TEXTS = Path(__file__).parent / "texts"


@cache
def lines(name: str) -> tuple[str, ...]:
    text = (_TEXTS / f"{name}.txt").read_text("utf-8")
    return tuple(line for line in text.splitlines() if not line.startswith("#"))


@cache
def sections(name: str) -> dict[str, tuple[str, ...]]:
    """The lines under each `== heading`, without blank ones."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in lines(name):
        if line.startswith("== "):
            heading = line.removeprefix("== ")
            found[heading] = []
        elif line.strip():
            found[heading].append(line)
    return {heading: tuple(under) for heading, under in found.items()}


@cache
def rows(name: str, heading: str) -> tuple[tuple[str, ...], ...]:
    """A section as a table with `|` between its columns."""
    return tuple(tuple(cell.strip() for cell in line.split(" |")) for line in sections(name)[heading])
