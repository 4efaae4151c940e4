"""The inside of a cell, as HTML: a table of fifty rows has hundreds, so they are put together here
rather than by a template each. Everything given is escaped."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from html import escape
from typing import NamedTuple

from django.utils.html import format_html
from django.utils.safestring import SafeString

from crm import moments, naming

EMPTY = SafeString("")

# A page shows the same few members, icons and grades hundreds of times over.
_remembered = lru_cache(maxsize=10_000)


class Face(NamedTuple):
    """A member, as far as a cell shows one."""

    pk: int
    name: str
    email: str

    @property
    def first_name(self) -> str:
        return naming.first_name(self.name)


def hue(pk: int) -> int:
    """A colour that stays somebody's own; the golden angle keeps neighbours apart."""
    return pk * 137 % 360


def initials(name: str) -> str:
    words = [word for word in name.replace("@", " ").split() if word[0].isalnum()]
    letters = f"{words[0][0]}{words[-1][0]}" if len(words) > 1 else "".join(words)[:1]
    return letters.upper()


@_remembered
def icon(name: str, size: str = "sm") -> SafeString:
    return format_html('<svg class="icon icon--{}" aria-hidden="true"><use href="#i-{}"/></svg>', size, name)


@_remembered
def avatar(pk: int, name: str, size: str = "") -> SafeString:
    return format_html(
        '<span class="avatar{}" style="--hue:{}" aria-hidden="true">{}</span>',
        f" avatar--{size}" if size else "",
        hue(pk),
        initials(name),
    )


@_remembered
def team_avatar(pk: int, size: str = "md") -> SafeString:
    return format_html(
        '<span class="avatar{} avatar--team" style="--hue:{}" aria-hidden="true">{}</span>',
        f" avatar--{size}" if size else "",
        hue(pk),
        icon("users"),
    )


def mark(pk: int, name: str, size: str = "") -> SafeString:
    """A company's, where it has no picture of its own."""
    look = f"mark mark--{size}" if size else "mark"
    return SafeString(
        f'<span class="{look}" style="--hue:{hue(pk)}" aria-hidden="true">{escape(name[:1].upper())}</span>'
    )


def joined(parts: Iterable[SafeString]) -> SafeString:
    """Safe strings put together are safe; adding them up one by one is slow."""
    return SafeString("".join(parts))


def text(words: Sequence[str]) -> SafeString:
    """Several values in one line; the tooltip has them all."""
    if not words:
        return EMPTY
    shown = escape(", ".join(words))
    return SafeString(f'<span class="cell-text" title="{shown}">{shown}</span>')


def link(url: str, words: str) -> SafeString:
    return format_html('<a class="cell-link" href="{}">{}</a>', url, words)


def faces(people: Sequence[tuple[int, str]], total: int) -> SafeString:
    """The first few people of a company and how many more there are."""
    if not total:
        return EMPTY
    heads = "".join(
        f'<span class="avatar" style="--hue:{hue(pk)}" aria-hidden="true">{escape(name[:1].upper())}</span>'
        for pk, name in people
    )
    rest = total - len(people)
    more = f'<span class="avatar-stack__more">+{rest}</span>' if rest else ""
    words = "1 person" if total == 1 else f"{total} people"
    return SafeString(
        f'<span class="avatar-stack" title="{words}">{heads}{more}'
        f'<span class="visually-hidden">{words}</span></span>'
    )


@_remembered
def person(face: Face, title: str) -> SafeString:
    return format_html(
        '<span class="person" title="{}">{}<span>{}</span></span>',
        title,
        avatar(face.pk, face.name),
        face.name,
    )


def instant(at: datetime, *, now: datetime) -> SafeString:
    """A bare time, relative; the tooltip is absolute."""
    told = moments.told(at, now)
    return SafeString(
        f'<time class="quiet" datetime="{told.machine}" title="{told.absolute}">{told.relative}</time>'
    )


def moment(
    at: datetime, *, kind: str, face: Face | None, now: datetime, is_all_day: bool = False
) -> SafeString:
    """An interaction: `kind` (email or meeting), relative time, who. The tooltip is absolute."""
    told = moments.told(at, now, is_all_day=is_all_day)
    # Only our own words about a time and what is escaped goes in: format_html is slow, and a page
    # has hundreds of these.
    return SafeString(
        f'<span class="when" title="{kind.capitalize()} · {told.absolute} · {_name(face) if face else ""}">'
        f"{icon('mail' if kind == 'email' else 'calendar')}"
        f'<time datetime="{told.machine}">{told.relative}</time>{_who(face) if face else ""}</span>'
    )


@_remembered
def _name(face: Face) -> str:
    return escape(face.name)


@_remembered
def _who(face: Face) -> SafeString:
    return format_html(
        '<span class="when__who">{}<span>{}</span></span>',
        avatar(face.pk, face.name, "xs"),
        face.first_name,
    )


@_remembered
def strength(level: int, word: str) -> SafeString:
    return format_html(
        '<span class="strength" data-level="{}"><span class="bars" aria-hidden="true">'
        "<i></i><i></i><i></i><i></i><i></i></span>{}</span>",
        level,
        word,
    )
