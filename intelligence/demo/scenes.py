"""The written material as scenes: who speaks in which order, and one way of saying it per thread."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from intelligence.demo.dice import Dice
from intelligence.demo.material import lines

FILES = ("client", "prospect", "outreach", "supplier", "business", "after", "cold", "internal")

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_SENTENCE = re.compile(r"(^|[.!?] |\n)([^\W\d_])")
_SPACES = re.compile(r" {2,}")
_ATTACHED = re.compile(r" \+([a-z]+)$")

Template = tuple[str | tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """`who` speaks: us, us2, them or them2. `attached` is a file's ending or nothing."""

    who: str
    text: Template
    attached: str
    mentions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Scene:
    name: str
    weight: int
    fields: frozenset[str]
    subject: Template
    turns: tuple[Turn, ...]

    def speaks(self, who: str) -> bool:
        return any(turn.who == who for turn in self.turns)


@cache
def scenes(audience: str, field: str) -> tuple[Scene, ...]:
    """Everything that may be played between us and such a company."""
    return tuple(
        scene
        for audiences, scene in _all_scenes()
        if audience in audiences and (not scene.fields or field in scene.fields)
    )


def template(text: str) -> Template:
    """Text and choices in turn."""
    pieces: list[str | tuple[str, ...]] = list(_CHOICE.split(text))
    pieces[1::2] = [tuple(str(choice).split("|")) for choice in pieces[1::2]]
    return tuple(pieces)


def told(text: Template, slots: Mapping[str, str], dice: Dice) -> str:
    """The template with one of each choice taken, slots filled, and sentences begun in capitals."""
    said = "".join(piece if isinstance(piece, str) else dice.pick(piece) for piece in text)
    said = _SLOT.sub(lambda found: slots[found[1]], said)
    said = _SENTENCE.sub(lambda found: found[1] + found[2].upper(), said)
    return "\n".join(line.rstrip() for line in _SPACES.sub(" ", said).strip().split("\n"))


@cache
def _all_scenes() -> tuple[tuple[frozenset[str], Scene], ...]:
    return tuple(pair for name in FILES for pair in _read(name))


def _read(name: str) -> list[tuple[frozenset[str], Scene]]:
    text = "\n".join(lines(name))
    return [_scene(block) for block in re.split(r"^== ", text, flags=re.MULTILINE)[1:]]


def _scene(block: str) -> tuple[frozenset[str], Scene]:
    head, *spoken = re.split(r"^--- ", block, flags=re.MULTILINE)
    heading, subject = head.strip().split("\n")
    name, audiences, weight, *fields = heading.split(" | ")
    scene = Scene(
        name=name,
        weight=int(weight),
        fields=frozenset(", ".join(fields).split(", ")) - {""},
        subject=template(subject.removeprefix("Subject: ")),
        turns=tuple(map(_turn, spoken)),
    )
    return frozenset(audiences.split(", ")), scene


def _turn(spoken: str) -> Turn:
    who, _, text = spoken.strip().partition("\n")
    attached = _ATTACHED.search(text)
    said = text[: attached.start()] if attached else text
    return Turn(who, template(said), attached[1] if attached else "", frozenset(_SLOT.findall(text)))
