"""What was decided about a member's mail, in words for him alone. Names are looked up when it is read;
of what has gone since, what it was."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model

from crm.models import AccessLevel, AuditEvent, Company, Member, Person, Team
from mailboxes.models import Mailbox

NAMED: dict[str, type[Model]] = {
    "company": Company,
    "person": Person,
    "member": Member,
    "team": Team,
    "mailbox": Mailbox,
}
GONE = {
    "company": "a company that is gone",
    "team": "a team that is gone",
    "mailbox": "an account that is gone",
}
# {who} did it, to {what}, to the advantage of {whom}.
WORDS = {
    "shared": "{who} gave {whom} {level} for {what}",
    "unshared": "{who} took {whom}’s access to {what} back",
    "grant_extended": "{who} let a share cover all of {what}",
    "default_level_set": "{who} set what the workspace sees of {what}: {level}",
    "access_asked": "{who} asked to read a thread",
    "access_approved": "{who} approved {whom}’s request for a thread",
    "access_declined": "{who} declined {whom}’s request for a thread",
    "blocked": "{who} added {entries} to the blocklist of {what}",
    "unblocked": "{who} took an entry out of the blocklist of {what}",
    "mailbox_connected": "{who} connected {what}",
    "mailbox_edited": "{who} edited {what}",
    "mailbox_reconnected": "{who} reconnected {what}",
    "mailbox_removed": "{who} removed an account",
}


@dataclass(frozen=True, slots=True)
class Line:
    words: str
    at: datetime


def read_log(owner: Member, *, limit: int = 20) -> list[Line]:
    """The newest first. A fixed number of statements."""
    events = AuditEvent.objects.concerning(owner).filter(action__in=WORDS)
    newest = list(events.select_related("actor__user").order_by("-pk")[:limit])
    names = {kind: _names(model, kind, newest) for kind, model in NAMED.items()}
    return [Line(_words(event, owner, names), event.created_at) for event in newest]


def _names(model: type[Model], kind: str, events: Iterable[AuditEvent]) -> Mapping[int, str]:
    ids = {event.details[kind] for event in events if kind in event.details}
    rows: Any = model._default_manager.filter(pk__in=ids)
    if model is Member:
        rows = rows.select_related("user")
    return {row.pk: row.name if hasattr(row, "name") else str(row) for row in rows}


def _words(event: AuditEvent, owner: Member, names: Mapping[str, Mapping[int, str]]) -> str:
    details = event.details
    entries, level = details.get("entries", 1), details.get("level")
    return WORDS[event.action].format(
        who=_who(event, owner),
        what=_what(details, names),
        whom=_named(details, names, ("member", "team")) or "everyone",
        level=AccessLevel(level).label.lower() if level else "",
        entries="an entry" if entries == 1 else f"{entries} entries",
    )


def _who(event: AuditEvent, owner: Member) -> str:
    if event.actor_id == owner.pk:
        return "You"
    return event.actor.name if event.actor else "Somebody"


def _what(details: Mapping[str, Any], names: Mapping[str, Mapping[int, str]]) -> str:
    if details.get("thread"):
        return "a thread"
    record = _named(details, names, ("company", "person"))
    if record:
        return f"emails with {record}"
    return _named(details, names, ("mailbox",)) or "something"


def _named(details: Mapping[str, Any], names: Mapping[str, Mapping[int, str]], kinds: Sequence[str]) -> str:
    known = (names[kind].get(details[kind], GONE.get(kind, "somebody")) for kind in kinds if kind in details)
    return next(known, "")
