"""Quick search: what one can open, go to and do. Other apps register their sources, as for columns."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.utils.safestring import SafeString

from crm.models import Member
from crm.naming import name_key
from crm.records import read_id
from crm.search.words import Query

MOST_HITS = 6
MOST_RECENT = 6


@dataclass(frozen=True, slots=True)
class Looking:
    """Who looks, when, and at which page (a path, as the browser says it)."""

    member: Member
    now: datetime
    here: str = ""

    @property
    def slug(self) -> str:
        return self.member.workspace.slug


@dataclass(frozen=True, slots=True)
class Hit:
    """`key` is what a browser remembers of it (`company:17`), empty for what is done rather than
    opened. `does` says how: a link, something loaded as a dialog, or a name known to the script."""

    label: str
    url: str
    face: SafeString
    key: str = ""
    note: str = ""
    keys: tuple[str, ...] = ()
    does: Literal["link", "dialog", "theme", "sign-out"] = "link"
    # Besides its label: what people may call it.
    also: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where things of one `kind` are found and, by their ids, remembered; each in one statement, through
    the member who looks. `every` leads to a table of all that match as these hits do, where there is one."""

    kind: str
    label: str
    order: int
    find: Callable[[Looking, Query, int], Sequence[Hit]]
    recall: Callable[[Looking, list[int]], Iterable[Hit]]
    every: Callable[[Looking, Query, Sequence[Hit]], "Every | None"] = lambda looking, query, hits: None


@dataclass(frozen=True, slots=True)
class Every:
    """A table of all that have what was said in their `where`."""

    url: str
    where: str


@dataclass(frozen=True, slots=True)
class Group:
    label: str
    hits: Sequence[Hit]
    every: Every | None = None


Commands = Callable[[Looking], Iterable[Hit]]
GO_TO, DO = "Go to", "Do"

_sources: list[Source] = []
_commands: dict[str, list[tuple[int, Commands]]] = {GO_TO: [], DO: []}


def register_source(source: Source) -> None:
    _sources.append(source)
    _sources.sort(key=lambda one: one.order)


def register_commands(label: str, commands: Commands, *, order: int) -> None:
    _commands[label].append((order, commands))
    _commands[label].sort(key=lambda one: one[0])


def search(looking: Looking, said: str, recent: Iterable[str] = ()) -> list[Group]:
    """What matches, or with nothing said what was open lately and all there is to do. At most one
    statement per source. Groups are never empty."""
    query = Query.of(said)
    found = [_found(source, looking, query) for source in _sources] if query.words else []
    if not query.said:
        found = [Group("Recent", _recalled(looking, recent))]
    commands = [Group(label, _matching(label, looking, query)) for label in _commands]
    return [group for group in (*found, *commands) if group.hits]


def _found(source: Source, looking: Looking, query: Query) -> Group:
    hits = source.find(looking, query, MOST_HITS + 1)
    every = source.every(looking, query, hits) if len(hits) > MOST_HITS else None
    return Group(source.label, hits[:MOST_HITS], every)


# Recent


def _recalled(looking: Looking, recent: Iterable[str]) -> list[Hit]:
    """In the order in which they were open. What is gone, or not for this member, is left out."""
    keys = list(dict.fromkeys(recent))[:MOST_RECENT]
    ids = {source.kind: _ids(source.kind, keys) for source in _sources}
    hits = [
        hit for source in _sources if ids[source.kind] for hit in source.recall(looking, ids[source.kind])
    ]
    by_key = {hit.key: hit for hit in hits}
    return [by_key[key] for key in keys if key in by_key]


def _ids(kind: str, keys: Iterable[str]) -> list[int]:
    numbers = (read_id(key.removeprefix(f"{kind}:")) for key in keys if key.startswith(f"{kind}:"))
    return [pk for pk in numbers if pk]


# Commands


def _matching(label: str, looking: Looking, query: Query) -> list[Hit]:
    """Every word has to begin one of the command's own."""
    hits = [hit for _, commands in _commands[label] for hit in commands(looking)]
    if query.said and not query.words:
        return []
    return [hit for hit in hits if all(_begins(word.name, f"{hit.label} {hit.also}") for word in query.words)]


def _begins(word: str, text: str) -> bool:
    return f" {word}" in f" {name_key(text)}"
