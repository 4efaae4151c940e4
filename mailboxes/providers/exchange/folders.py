"""Which folders of a mailbox are read (pure)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from mailboxes.providers.exchange.asking import FoundFolder

# By the names that the protocol has for them, whatever they are called in the mailbox's language.
INBOX = "inbox"
CALENDAR = "calendar"
DELETED = "deleteditems"
LEFT_OUT_OF_MAIL = (
    DELETED, "junkemail", "drafts", "outbox", "syncissues", "conflicts", "localfailures", "serverfailures",
    "conversationhistory",
)  # fmt: skip
# Feeds of news, and of what people write in social networks.
_NO_MAIL = frozenset({"ipf.note.outlookhomepage", "ipf.note.socialconnector.feeditems"})
_MAIL = ("ipf.note", "ipf.imap")
_CALENDAR = "ipf.appointment"
_NO_CALENDAR = frozenset({"ipf.appointment.birthday"})
# Before 2013 the protocol had no name for this one, in which Outlook keeps its complaints.
_SYNC_ISSUES = frozenset(
    {
        "sync issues", "synchronisierungsprobleme", "problèmes de synchronisation",
        "problemas de sincronización", "problemi di sincronizzazione", "synchronisatieproblemen",
        "problemas de sincronização", "synkroniseringsproblem", "synkroniseringsproblemer",
        "synkronointiongelmat", "problemy z synchronizacją", "problémy se synchronizací",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Folder:
    id: str
    name: str
    count: int = 0

    @property
    def prefix(self) -> str:
        """What the provider ids of its items begin with, however long its own id is."""
        return prefix_of(self.id)


def prefix_of(folder: str) -> str:
    return f"{sha256(folder.encode()).hexdigest()[:20]}/"


def mail_folders(
    found: Sequence[FoundFolder], known: Mapping[str, str], left_out: Collection[str]
) -> list[Folder]:
    """The inbox first: what moves on while we read usually comes from there. `known` are ids by the
    protocol's names; what lies in a folder that is left out, is left out."""
    without = {*left_out, *(known[name] for name in LEFT_OUT_OF_MAIL if name in known)}
    without |= {one.id for one in found if _is_sync_issues(one, found)}
    chosen = [one for one in _outside(found, without) if _holds_mail(one)]
    return _folders(chosen, first=known.get(INBOX, ""))


def calendars(
    found: Sequence[FoundFolder], known: Mapping[str, str], left_out: Collection[str]
) -> list[Folder]:
    """The mailbox's own calendar first."""
    without = {*left_out, known.get(DELETED, "")}
    chosen = [one for one in _outside(found, without) if _holds_events(one)]
    return _folders(chosen, first=known.get(CALENDAR, ""))


def _folders(chosen: Sequence[FoundFolder], *, first: str) -> list[Folder]:
    ordered = sorted(chosen, key=lambda one: (one.id != first, one.name.casefold(), one.id))
    return [Folder(one.id, one.name, one.count) for one in ordered]


def _holds_mail(folder: FoundFolder) -> bool:
    """Folders of other programs may have no class at all."""
    kind = folder.kind.lower()
    return folder.element == "Folder" and kind not in _NO_MAIL and (not kind or kind.startswith(_MAIL))


def _holds_events(folder: FoundFolder) -> bool:
    kind = folder.kind.lower()
    return folder.element == "CalendarFolder" and kind not in _NO_CALENDAR and kind.startswith(_CALENDAR)


def _outside(found: Sequence[FoundFolder], without: Collection[str]) -> Iterator[FoundFolder]:
    by_id = {one.id: one for one in found}
    without = {*without, *(one.id for one in found if one.kind.lower() in _NO_MAIL)}
    for one in found:
        if not any(above in without for above in _line(one, by_id)):
            yield one


def _line(folder: FoundFolder, by_id: Mapping[str, FoundFolder]) -> list[str]:
    """The folder and those it lies in. What a server says need not come to an end."""
    line = [folder.id]
    while folder.parent in by_id and folder.parent not in line:
        folder = by_id[folder.parent]
        line.append(folder.id)
    return line


def _is_sync_issues(folder: FoundFolder, found: Sequence[FoundFolder]) -> bool:
    """At the top only: one may have a folder of mail about them."""
    is_top = all(folder.parent != one.id for one in found)
    return is_top and folder.name.casefold() in _SYNC_ISSUES
