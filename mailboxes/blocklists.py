"""What a mailbox's owner keeps out of the workspace: entries as people paste them, and what they
match. Pure, but for `read_entries`, which asks who is a colleague."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crm.addresses import domain_of, host_in, is_public_suffix, normalise, registrable_domain, without_tag
from crm.models import Address, InternalDomain
from mailboxes.models import BlocklistEntry, Mailbox
from mailboxes.screening import Insiders

MOST_ENTRIES = 500
TOO_MANY = f"over {MOST_ENTRIES} at once"
_BETWEEN = re.compile(r"[\s,;]+")


@dataclass(frozen=True, slots=True)
class Blocklist:
    """Entries by value: an address, or a domain with its subdomains."""

    entries: Mapping[str, int]

    def match(self, emails: Iterable[str], insiders: Insiders) -> int | None:
        """The entry that keeps an item with these participants out. A colleague never does, or a
        domain that is also one's own would hide everything."""
        if not self.entries:
            return None
        hits = (self._hit(email) for email in emails if not insiders.include(email))
        return next((hit for hit in hits if hit is not None), None)

    def _hit(self, email: str) -> int | None:
        if email in self.entries:
            return self.entries[email]
        host = domain_of(email)
        while host:
            if host in self.entries:
                return self.entries[host]
            host = host.partition(".")[2]
        return None


@dataclass(frozen=True, slots=True)
class Typed:
    """One entry as it was typed, and what it means: a `value`, or why there is none."""

    text: str
    value: str
    problem: str = ""

    @property
    def is_domain(self) -> bool:
        return bool(self.value) and "@" not in self.value


def read_entries(mailbox: Mailbox, text: str) -> list[Typed]:
    """Each once, in the order typed. What cannot be blocked says why."""
    words = list(dict.fromkeys(word for word in _BETWEEN.split(text) if word))
    typed = [_typed(word) for word in words[:MOST_ENTRIES]]
    typed += [Typed(word, "", TOO_MANY) for word in words[MOST_ENTRIES:]]
    refused = _refusals(mailbox, [one.value for one in typed if one.value])
    seen: set[str] = set()
    found = []
    for one in typed:
        if one.value in seen and one.value:
            continue
        seen.add(one.value)
        problem = one.problem or refused.get(one.value, "")
        found.append(Typed(one.text, "" if problem else one.value, problem))
    return found


def _typed(word: str) -> Typed:
    text = word.strip("<>()\"'").removeprefix("mailto:")
    if "@" in text and "://" not in text:
        address = normalise(text.lstrip("@")) if not text.startswith("@") else None
        if address:
            return Typed(word, address)
    host = host_in(text)
    return Typed(word, host) if host else Typed(word, "", "not an address or a domain")


def _refusals(mailbox: Mailbox, values: list[str]) -> dict[str, str]:
    """Three statements, however many values."""
    workspace_id = mailbox.workspace_id
    internal = set(InternalDomain.objects.filter(workspace_id=workspace_id).values_list("domain", flat=True))
    untagged = {without_tag(value) for value in values if "@" in value}
    members = set(
        Address.objects.filter(
            workspace_id=workspace_id, member__isnull=False, email__in=[*values, *untagged]
        ).values_list("email", flat=True)
    )
    blocked = set(
        BlocklistEntry.objects.filter(mailbox=mailbox, value__in=values).values_list("value", flat=True)
    )
    return {value: why for value in values if (why := _refusal(value, internal, members, blocked))}


def _refusal(value: str, internal: set[str], members: set[str], blocked: set[str]) -> str:
    is_address = "@" in value
    host = domain_of(value) if is_address else value
    if value in blocked:
        return "blocked already"
    if registrable_domain(host) in internal:
        return "internal, never shown"
    if is_address and (value in members or without_tag(value) in members):
        return "a colleague’s address"
    if not is_address and is_public_suffix(value):
        return "not one organisation’s domain"
    return ""
