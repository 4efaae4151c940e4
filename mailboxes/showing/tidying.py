"""HTML of any kind → HTML of a few elements that are properly nested, with quoted text folded and remote
images counted.

This is not what makes it safe: the sanitiser comes after. It makes the sanitiser's work small, since
what browsers do to repair bad nesting can turn 500 KB into gigabytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from lxml import etree

from mailboxes.parsing.text import MAX_NESTING
from mailboxes.showing.allowing import ATTRIBUTES, BLOCKS, DROPPED, TAGS, allowed
from mailboxes.showing.folding import Folding, Open
from mailboxes.showing.images import is_remote, wanted_by, wanted_by_css

MOST_INLINE_IMAGES = 100
_CHUNK = 16 * 1024

_EMPTY = frozenset({"br", "hr", "img", "wbr"})
# Gone with all that is in them; of others only the text stays.
_DROPPED = DROPPED | {"select", "datalist", "textarea"}
# Never loaded, so what they would load is not wanted either.
_INERT = frozenset({"script", "template"})
_WRITTEN_AS = {
    "acronym": "abbr",
    "strike": "s",
    "tt": "code",
    **dict.fromkeys(
        {
            "address",
            "article",
            "aside",
            "dir",
            "fieldset",
            "figcaption",
            "figure",
            "footer",
            "form",
            "header",
            "legend",
            "main",
            "menu",
            "nav",
            "section",
        },
        "div",
    ),
}
# Elsewhere these would close what is open around them.
_PARENTS = {
    "li": {"ol", "ul"},
    "dt": {"dl"},
    "dd": {"dl"},
    "caption": {"table"},
    "thead": {"table"},
    "tbody": {"table"},
    "tfoot": {"table"},
    "tr": {"table", "thead", "tbody", "tfoot"},
    "td": {"table", "thead", "tbody", "tfoot", "tr"},
    "th": {"table", "thead", "tbody", "tfoot", "tr"},
}
# What is in these, but in no cell, would be moved to before the table.
_BETWEEN_CELLS = frozenset({"table", "thead", "tbody", "tfoot", "tr"})


class TooDeep(Exception):
    """Nested deeper than any reader's mail."""


@dataclass(frozen=True)
class Tidied:
    html: str
    remote_images: int
    lines: int
    is_blank: bool
    is_refused: bool = False


def tidy(html: str) -> Tidied:
    """Raises TooDeep. Time grows with the length times the nesting, of which the second is bounded."""
    target = _Writer()
    parser = etree.HTMLParser(target=target, encoding="utf-8", huge_tree=True)
    data = html.replace("\0", "\ufffd").encode("utf-8", "replace")
    # In pieces, as the parser goes on for the rest of what it was given after the target has had enough.
    for start in range(0, len(data), _CHUNK):
        parser.feed(data[start : start + _CHUNK])
    if data:
        parser.close()
    return target.tidied()


class _Writer:
    """What the parser talks to. Its calls for starts and ends are balanced."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._open: list[Open | None] = []
        self._path: list[Open] = []
        self._folding = Folding(self._out, self._path)
        self._paragraph: Open | None = None
        self._has_base = False
        self._images = _Images()
        self._dropped: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str | None]) -> None:
        given = {name: value or "" for name, value in attributes.items()}
        if len(self._open) >= MAX_NESTING:
            raise TooDeep
        self._has_base |= tag == "base" and is_remote(given.get("href", ""), has_base=False)
        self._images.note(tag, given, self._has_base, is_inert=not _INERT.isdisjoint(self._dropped))
        if self._dropped or tag in _DROPPED:
            self._dropped.append(tag)
            self._open.append(None)
        else:
            self._open.append(self._write(tag, given))

    def end(self, tag: str) -> None:
        written = self._open.pop()
        if self._dropped:
            self._dropped.pop()
        if tag == "picture":
            self._images.end_picture()
        if written is None:
            return
        if written.name not in _EMPTY:
            self._path.pop()
            self._out.append(written.end)
        if written is self._paragraph:
            self._paragraph = None
        self._folding.ended(written.name)

    def data(self, text: str) -> None:
        if self._dropped:
            if self._dropped[-1] == "style":
                self._images.wanted += wanted_by_css(text)
            return
        self._out.append(escape(text, quote=False))
        self._folding.text(text)

    def close(self) -> None:
        pass

    def tidied(self) -> Tidied:
        html = "".join(self._folding.finished())
        return Tidied(html, self._images.wanted, self._folding.lines, self._folding.is_blank)

    def _write(self, tag: str, given: dict[str, str]) -> Open | None:
        name = self._name(tag)
        if name is None:
            return None
        if name in BLOCKS:
            self._make_room()
        self._folding.starts(name, given)
        if name == "img":
            source = self._images.shown(given)
            if source is None:
                self._write_words(given)
                return None
            given["src"] = source
            self._folding.text("\ufffc")
        attributes = _attributes(name, given)
        if name == "a" and not attributes:
            return None
        opened = Open(name, attributes, at=len(self._out))
        self._out.append(opened.start)
        if name not in _EMPTY:
            self._path.append(opened)
        if name == "p":
            self._paragraph = opened
        return opened

    def _write_words(self, given: Mapping[str, str]) -> None:
        """What stands for an image that is not shown. A browser would put a broken one beside it."""
        if words := (allowed("alt", given.get("alt", "")) or "").strip():
            self.data(f"[{words}]")

    def _name(self, tag: str) -> str | None:
        """What the element is written as; None when only its content is."""
        name = _WRITTEN_AS.get(tag, tag)
        parent = self._path[-1].name if self._path else ""
        if name not in TAGS or (name == "a" and any(one.name == "a" for one in self._path)):
            return None
        if parent in _PARENTS.get(name, {parent} if parent not in _BETWEEN_CELLS else ()):
            return name
        return None if parent in _BETWEEN_CELLS else "div"

    def _make_room(self) -> None:
        """A paragraph ends where a block begins, and bold text in it would be repaired ever after."""
        if self._paragraph:
            self._paragraph.name = "div"
            self._out[self._paragraph.at] = self._paragraph.start
            self._paragraph = None


class _Images:
    """Counts those that are wanted and lets a number of those through that the mail itself contains."""

    def __init__(self) -> None:
        self.wanted = 0
        self._shown = 0
        self._picture: int | None = None

    def note(self, tag: str, given: Mapping[str, str], has_base: bool, *, is_inert: bool) -> None:
        if is_inert:
            return
        found = wanted_by(tag, given, has_base=has_base)
        if tag == "picture":
            self._picture = 0
        elif self._picture is not None and tag in {"source", "img"}:
            # All of a picture's addresses are for one image.
            found, self._picture = min(found, 1 - self._picture), max(self._picture, min(found, 1))
        self.wanted += found

    def end_picture(self) -> None:
        self._picture = None

    def shown(self, given: Mapping[str, str]) -> str | None:
        """The address of an image that is in the mail itself, as long as there are not too many."""
        source = allowed("src", given.get("src", ""))
        if source is None or self._shown >= MOST_INLINE_IMAGES:
            return None
        self._shown += 1
        return source


def _attributes(name: str, given: Mapping[str, str]) -> str:
    kept = ((one, allowed(one, given[one])) for one in sorted(ATTRIBUTES.get(name, ())) if one in given)
    return "".join(f' {one}="{escape(value)}"' for one, value in kept if value)
