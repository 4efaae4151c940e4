"""Which folders of an account are read, and what they are called (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from imapclient import imap_utf7

from mailboxes.providers import folders
from mailboxes.providers.imap.answers import Entry

_INBOX = b"INBOX"
_UNREADABLE = frozenset({"\\noselect", "\\nonexistent"})
_LEFT_OUT = frozenset({"\\junk", "\\trash", "\\drafts"})
# Views of messages that lie in other folders.
_VIEWS = frozenset({"\\all", "\\flagged", "\\important"})
_OTHER_USES = frozenset({"\\sent", "\\archive"})
_LONGEST_NAME = 1000
# No command can name these.
_FORBIDDEN = (b"\r", b"\n", b"\0")


@dataclass(frozen=True)
class Folder:
    """`has_drafts`: drafts lie among its messages, and are told apart by their flag."""

    name: bytes
    has_drafts: bool = False

    @cached_property
    def prefix(self) -> str:
        """What the provider ids of its messages begin with, however long the name is."""
        return sha256(self.name).hexdigest()[:20] + "/"

    @property
    def title(self) -> str:
        return _decoded(self.name)

    @property
    def wanted(self) -> str:
        """As SEARCH puts it. Many mail programs only mark what somebody deletes."""
        return "UNDELETED UNDRAFT" if self.has_drafts else "UNDELETED"


def readable(
    entries: Sequence[Entry],
    *,
    own: Sequence[bytes] = (),
    others: Sequence[bytes] = (),
    is_gmail: bool = False,
) -> list[Folder]:
    """The folders to read, the inbox first: what moves on while we read usually comes from there.

    `own` and `others` are what the names of the member's folders and of other people's begin with.
    Gmail's folders are labels on what “All Mail” holds, which is everything but junk and trash, each
    message once; elsewhere a view of all messages holds those too.
    """
    usable = [entry for entry in entries if _is_usable(entry, others)]
    everything = [entry for entry in usable if "\\all" in entry.flags]
    left_out = {entry.name for entry in entries if _is_left_out(entry, own)}
    chosen = [
        entry
        for entry in usable
        if not entry.flags & _VIEWS and not any(name in left_out for name in _line(entry))
    ]
    if everything and (is_gmail or not chosen):
        return [Folder(everything[0].name, has_drafts=True)]
    names = dict.fromkeys(_INBOX if entry.name.upper() == _INBOX else entry.name for entry in chosen)
    return [Folder(name) for name in sorted(names, key=lambda name: (name != _INBOX, name))]


def _is_usable(entry: Entry, others: Sequence[bytes]) -> bool:
    is_speakable = 0 < len(entry.name) <= _LONGEST_NAME and not any(one in entry.name for one in _FORBIDDEN)
    return is_speakable and not entry.flags & _UNREADABLE and not entry.name.startswith(tuple(others))


def _is_left_out(entry: Entry, own: Sequence[bytes]) -> bool:
    """By what the server says, else by name; that only where mail programs put such folders, at the
    top or in the inbox. “Clients/Kuka” is not Hungarian for a bin."""
    if entry.flags & (_LEFT_OUT | _OTHER_USES):
        return bool(entry.flags & _LEFT_OUT)
    name = next(
        (entry.name.removeprefix(one) for one in own if one and entry.name.startswith(one)), entry.name
    )
    parents, _, last = name.rpartition(entry.delimiter) if entry.delimiter else (b"", b"", name)
    return parents.upper() in (b"", _INBOX) and folders.is_left_out(_decoded(last))


def _line(entry: Entry) -> list[bytes]:
    """The folder and those it lies in: what somebody deletes with its folder lies in the trash."""
    if not entry.delimiter:
        return [entry.name]
    parts = entry.name.split(entry.delimiter)
    return [entry.delimiter.join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def _decoded(name: bytes) -> str:
    try:
        if name.isascii():
            return imap_utf7.decode(name)
    except ValueError:
        pass  # merely looks encoded
    return name.decode("utf-8", "replace")
