"""The keys there are, as the list of them says. What they do is in keys.js, grid.js and way.js."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shortcut:
    """`ways` to press it; each is one or more keys, together or in turn."""

    words: str
    ways: tuple[tuple[str, ...], ...]
    joined_by: str = "or"


@dataclass(frozen=True, slots=True)
class ShortcutGroup:
    label: str
    shortcuts: tuple[Shortcut, ...]


def _keys(words: str, *ways: str) -> Shortcut:
    return Shortcut(words, tuple(tuple(way.split()) for way in ways))


SHORTCUTS = (
    ShortcutGroup(
        "Anywhere",
        (
            _keys("Quick search", "Ctrl K"),
            _keys("Companies", "G C"),
            _keys("People", "G P"),
            _keys("Notifications", "G N"),
            _keys("Settings", "G S"),
            _keys("New company or person", "C"),
            _keys("Fold or unfold the sidebar", "["),
            _keys("Close what is open", "Esc"),
            _keys("These shortcuts", "?"),
        ),
    ),
    ShortcutGroup(
        "In a table",
        (
            _keys("Down, up", "J", "K", "↓", "↑"),
            _keys("Open, or change the value", "Enter"),
            _keys("Save, and on to the next cell", "Tab"),
            _keys("Tick a row", "X", "Space"),
            _keys("Tick all up to it", "⇧ X", "⇧ Space"),
            _keys("Clear what is ticked", "Esc"),
            _keys("Filter", "F"),
            _keys("Add a column", "⇧ C"),
        ),
    ),
    ShortcutGroup(
        "On a record or a thread",
        (
            _keys("Next, previous record", "J", "K"),
            _keys("Manage access", "⇧ M"),
            _keys("Ask for access to the thread in focus", "R"),
            _keys("Approve, decline the request in focus", "A", "D"),
        ),
    ),
)
