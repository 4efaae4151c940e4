"""What mailboxes have to find: threads by subjects one may read, events by title; and what to do."""

from collections.abc import Iterable, Sequence

from django.urls import reverse

from crm import cells, moments
from crm.search.quick import DO, GO_TO, Hit, Looking, Source, register_commands, register_source
from crm.search.sources import record_here
from crm.search.words import Query
from mailboxes.correspondence.finding_events import FoundEvent, find_events, recall_events
from mailboxes.correspondence.finding_threads import FoundThread, find_threads, recall_threads
from mailboxes.models import EventStatus


def register_sources() -> None:
    register_source(Source("thread", "Threads", 2, _threads, _recalled_threads))
    register_source(Source("event", "Events", 3, _events, _recalled_events))
    register_commands(GO_TO, _pages, order=1)
    register_commands(DO, _of_record, order=0)
    register_commands(DO, _actions, order=2)


# Threads


def _threads(looking: Looking, query: Query, most: int) -> Sequence[Hit]:
    found = find_threads(looking.member, query, most=most)
    return [_thread(looking, one, moments.in_list(one.at, looking.now)) for one in found]


def _recalled_threads(looking: Looking, ids: list[int]) -> Iterable[Hit]:
    return [_thread(looking, one, "Thread") for one in recall_threads(looking.member, ids)]


def _thread(looking: Looking, found: FoundThread, note: str) -> Hit:
    url = reverse("mailboxes:thread", args=[looking.slug, found.pk])
    return Hit(found.subject or "(no subject)", url, cells.icon("mail", ""), f"thread:{found.pk}", note)


# Events


def _events(looking: Looking, query: Query, most: int) -> Sequence[Hit]:
    return [_event(looking, one) for one in find_events(looking.member, query, now=looking.now, most=most)]


def _recalled_events(looking: Looking, ids: list[int]) -> Iterable[Hit]:
    return [_event(looking, one) for one in recall_events(looking.member, ids)]


def _event(looking: Looking, found: FoundEvent) -> Hit:
    url = reverse("mailboxes:event", args=[looking.slug, found.pk])
    when = moments.relative(found.starts_at, looking.now, is_all_day=found.is_all_day)
    note = f"Cancelled, {when}" if found.status == EventStatus.CANCELLED else when
    return Hit(found.title or "(no title)", url, cells.icon("calendar", ""), f"event:{found.pk}", note)


# Commands


def _pages(looking: Looking) -> Iterable[Hit]:
    url = reverse("mailboxes:account_settings", args=[looking.slug])
    yield Hit(
        "Email & calendar settings",
        url,
        cells.icon("gear", ""),
        keys=("G", "S"),
        also="mailbox account sharing",
    )
    if looking.member.is_admin:
        url = reverse("mailboxes:workspace_settings", args=[looking.slug])
        yield Hit("Workspace email & calendar", url, cells.icon("gear", ""), also="record creation settings")


def _of_record(looking: Looking) -> Iterable[Hit]:
    if here := record_here(looking):
        kind, pk = here
        url = reverse("mailboxes:record_access", args=[looking.slug, kind.plural, pk])
        yield Hit(
            "Manage access to my emails with this record",
            url,
            cells.icon("lock", ""),
            keys=("⇧", "M"),
            does="dialog",
            also="share sharing",
        )


def _actions(looking: Looking) -> Iterable[Hit]:
    settings = reverse("mailboxes:account_settings", args=[looking.slug])
    yield Hit(
        "Connect a mailbox", f"{settings}#h-conn", cells.icon("mail", ""), also="account inbox calendar add"
    )
    yield Hit(
        "Add a domain to my blocklist", f"{settings}#h-block", cells.icon("ban", ""), also="block address"
    )
