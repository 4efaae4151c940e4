"""Figure 12: the Emails tab under permissions."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import Company
from crm.records import COMPANY
from crm.statements import fetch
from intelligence.bench.figures import interleaved, show
from intelligence.bench.mailroom import MEMBERS, Mailroom
from mailboxes.correspondence import threads
from mailboxes.correspondence.threads import PAGE_THREADS, START, Show, page_statement, read_correspondence
from mailboxes.visibility import BOXES, FULL, viewing

FEW_MAILBOXES = 5
# Everybody may read everything: what the page costs without asking.
OPEN_BOXES = f"""
    box AS MATERIALIZED (
        SELECT m.id, m.member_id AS owner_id, true AS is_active, {FULL} AS level
        FROM mailboxes_mailbox m WHERE m.workspace_id = %(workspace)s
    )
"""


def run(messages: int) -> None:
    room = Mailroom(messages=messages)
    few = Mailroom(messages=messages, holding=FEW_MAILBOXES)
    statement = page_statement(COMPANY, Show.ALL, is_first=True)
    prepared = partial(_page, room, room.large)
    bare = partial(_run, room, room.large, statement.replace(BOXES, OPEN_BOXES))
    planned = partial(_unprepared, prepared)
    small = partial(_page, room, room.small)
    elsewhere = partial(_page, few, few.large)
    ours, open_to_all, each_time, of_small, of_few = interleaved(
        prepared, bare, planned, small, elsewhere, rounds=21
    )
    figures = (
        ("prepared, against the same page without permissions", ours, open_to_all, "<= 6"),
        ("planned each time, against the same page without permissions", each_time, open_to_all, "<= 9"),
        (f"{messages:,} messages against {messages // 100:,}", ours, of_small, "<= 2.5"),
        (f"{MEMBERS} mailboxes against {FEW_MAILBOXES}", ours, of_few, "<= 1.3"),
    )
    for name, of, against, goal in figures:
        show(
            f"12 emails tab, {name}",
            ratio=of / against,
            of=of,
            against=against,
            unit="s",
            goal=goal,
            size=messages,
            statements=_statements(prepared),
        )


def _page(room: Mailroom, company: Company) -> None:
    found = read_correspondence(room.viewer, COMPANY, company.pk, now=timezone.localtime())
    if len(found.threads) != PAGE_THREADS:
        raise AssertionError("The page is not full.")


def _run(room: Mailroom, company: Company, statement: str) -> None:
    parameters = {"record": company.pk, "limit": PAGE_THREADS + 1, **START, **viewing(room.viewer)}
    rows = fetch(statement, **parameters)
    for row in rows:
        threads.thread_row(row, viewer_id=room.viewer.pk, now=timezone.localtime())


def _unprepared(work: Callable[[], Any]) -> None:
    psycopg = connection.connection
    threshold, psycopg.prepare_threshold = psycopg.prepare_threshold, None
    try:
        work()
    finally:
        psycopg.prepare_threshold = threshold


def _statements(work: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        work()
    return len(captured)
