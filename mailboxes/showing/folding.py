"""Where quoted text begins and ends in HTML that is being written, and the closed fold around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailboxes.showing.allowing import BLOCKS
from mailboxes.showing.quoting import MOST_FOLDS, Looks

FOLD = '<details class="quoted"><summary title="Show quoted text">•••</summary>'
FOLD_END = "</details>"

# What the mail programs of this world put around the text they quote …
_AROUND = frozenset(
    {"gmail_quote", "yahoo_quoted", "protonmail_quote", "zmail_extra", "tutanota_quote", "front-blockquote"}
)
# … and in front of it.
_IN_FRONT = frozenset({"appendonsend", "divrplyfwdmsg", "mail-editor-reference-message-container"})
_OUTLOOK_LINE = "border:none;border-top:solid"
_MOST_OF_LINE = 200
# A guess at how much text fits beside the margins of a frame.
_WIDTH = 90
_ENDS_LINE = BLOCKS | {"br"}
_CELLS = frozenset({"td", "th"})
_ENDS_OF_LINES = frozenset({"<br>", "</p>", "</div>", "</li>", "</tr>"})


@dataclass
class Open:
    """An element that is being written. Its name may still change when its content asks for it."""

    name: str
    attributes: str
    at: int

    @property
    def start(self) -> str:
        return f"<{self.name}{self.attributes}>"

    @property
    def end(self) -> str:
        return f"</{self.name}>"


@dataclass(frozen=True)
class Spot:
    """A place in what is written: before which piece, and inside how many elements."""

    at: int
    depth: int


class Folding:
    """Follows the lines of text as a reader sees them. It is told what happens to `out`, what is written,
    and to `path`, the elements that are open."""

    def __init__(self, out: Sequence[str], path: Sequence[Open]) -> None:
        self._out, self._path = out, path
        self._looks = Looks()
        self._line: list[str] = []
        self._length = 0
        self._line_start = Spot(0, 0)
        # Both with the elements that are open there.
        self._introduction: tuple[Spot, Sequence[Open]] | None = None
        self._tail: tuple[Spot, Sequence[Open]] | None = None
        self._fold: Spot | None = None
        self._folds: list[tuple[int, int]] = []
        self.lines = 0
        self.is_blank = True

    def starts(self, name: str, attributes: Mapping[str, str]) -> None:
        """Called before an element is written."""
        if name in BLOCKS and not self._is_folded:
            self._end_line()
            self._begin(name, attributes)

    def ended(self, name: str) -> None:
        """Called after an end, or an element without one, is written."""
        if self._fold and len(self._path) <= self._fold.depth:
            self._folds.append((self._fold.at, len(self._out)))
            self._fold = None
            self._line_start = self._here
        elif not self._is_folded and (name in _ENDS_LINE or not self._line):
            self._end_line(is_row=name not in _CELLS)
            self.lines += name == "tr"
            self._leave_introduction()
            self._line_start = self._here

    def text(self, text: str) -> None:
        if self._is_folded or not (self._line or text.strip()):
            return
        self._length += len(text)
        if self._length - len(text) <= _MOST_OF_LINE:
            self._line.append(text[: _MOST_OF_LINE + 1])

    def finished(self) -> list[str]:
        """What was written, with its folds; without, when they would leave nothing to see, as in a
        message that is only passed on."""
        if not self._is_folded:
            self._end_line()
        pieces = list(self._out)
        if self.is_blank:
            self.is_blank = not (self._folds or self._tail or self._introduction)
            self.lines = sum(piece in _ENDS_OF_LINES for piece in pieces)
            return pieces
        if self._tail:
            spot, path = self._tail
            pieces.append(FOLD_END)
            pieces[spot.at : spot.at] = [*_ends(path), FOLD, *(one.start for one in path)]
        for start, end in reversed(self._folds):
            pieces[end - 1] += FOLD_END
            pieces[start] = FOLD + pieces[start]
        return pieces

    @property
    def _here(self) -> Spot:
        return Spot(len(self._out), len(self._path))

    @property
    def _is_folded(self) -> bool:
        return bool(self._fold or self._tail or len(self._folds) >= MOST_FOLDS)

    def _begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._is_folded:
            return
        here = self._here
        spot = self._introduction[0] if self._introduction else None
        has_introduction = spot is not None and spot.depth == here.depth
        if _stands_in_front(attributes):
            self._fold_rest((here, tuple(self._path)))
        elif _goes_around(name, attributes) or (name == "blockquote" and has_introduction):
            self._fold = spot if has_introduction else here
            self._introduction = None

    def _end_line(self, *, is_row: bool = True) -> None:
        line = " ".join("".join(self._line).split())
        length, self._length = self._length, 0
        self._line.clear()
        if not line:
            return
        if self._introduction:
            # Nothing marks where it ends: some programs put their own text on top and quote the rest bare.
            self._fold_rest(self._introduction)
        elif self._looks.introduction(line):
            self._introduction = self._line_start, tuple(self._path[: self._line_start.depth])
        else:
            self.is_blank = False
            self.lines += is_row + length // _WIDTH
        self._line_start = self._here

    def _leave_introduction(self) -> None:
        """What follows in another part of the document is not what was introduced."""
        if self._introduction and len(self._path) < self._introduction[0].depth:
            self._introduction, self.is_blank = None, False

    def _fold_rest(self, tail: tuple[Spot, Sequence[Open]]) -> None:
        self._tail, self._introduction = tail, None


def _goes_around(name: str, attributes: Mapping[str, str]) -> bool:
    if name == "blockquote" and attributes.get("type", "").lower() == "cite":
        return True
    return name in {"div", "blockquote"} and not _AROUND.isdisjoint(attributes.get("class", "")[:200].split())


def _stands_in_front(attributes: Mapping[str, str]) -> bool:
    name = attributes.get("id", "")[:60].lower().removeprefix("x_")
    return name in _IN_FRONT or attributes.get("style", "").startswith(_OUTLOOK_LINE)


def _ends(path: Sequence[Open]) -> list[str]:
    return [one.end for one in reversed(path)]
