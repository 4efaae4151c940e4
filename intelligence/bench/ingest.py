"""Figures 1, 3 to 7, 14 and 15 of the performance goals."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from statistics import fmean, median
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Min

from crm.locking import lock_workspace_for_storing
from crm.statements import execute, fetch
from intelligence.bench import parsing, yardstick
from intelligence.bench.databases import inside, several
from intelligence.bench.figures import interleaved, show, timed
from intelligence.bench.growth import Place, growth
from intelligence.bench.plans import indexes, plans_of, whole_tables
from intelligence.bench.world import PAGE, Drawing, World
from intelligence.models import Interaction
from intelligence.refreshing import settle_due_events
from intelligence.verifying import differences
from mailboxes.ingesting.mail import MailItem
from mailboxes.models import EmailMessage, Mailbox
from mailboxes.reading import Page, Reader
from mailboxes.removing import begin_removal, purge

Store = Callable[[Reader, MailItem], None]

ROUNDS = 12
ORM_ROUNDS = 6
ORM_MESSAGES = 40


class RolledBack(Exception):
    pass


def run(sizes: list[int]) -> None:
    """Fill a workspace of each size, in a database of its own, and take the figures on it; the growth of cost
    compares the last with the first."""
    names = [f"{connection.settings_dict['NAME']}_{size}" for size in sizes]
    with several(names):
        places = [Place(_filled(size, name), name) for size, name in zip(sizes, names, strict=True)]
        if len(places) > 1:
            growth(places[0], places[-1])
        for place in places:
            with inside(place.database):
                figures(place.world)
    parsing.run()


def _filled(size: int, database: str) -> World:
    with inside(database):
        world = World(interactions=size)
        world.fill()
        execute("VACUUM ANALYZE")  # else PostgreSQL's own upkeep does it while the figures are taken
    return world


def figures(world: World) -> None:
    cost = storing(world)
    live_message(world)
    reading(world)
    sweep(world)
    removal(world, cost)
    equality(world)


def storing(world: World) -> float:
    """Returns the seconds for an item of a page."""
    raw = _raw_copy_rate(world.page(world.lately)[1])
    cost, touched = _seconds_per_item(world, world.lately)
    show(
        "1 storing, all nine attributes live, of raw COPY",
        ratio=1 / cost / raw,
        of=1 / cost,
        against=raw,
        unit="messages/s",
        goal=">= 0.010",
        size=world.size,
        records_per_message=round(touched, 2),
    )
    _against_orm(world, 1 / cost)
    return cost


def _seconds_per_item(world: World, drawing: Drawing) -> tuple[float, float]:
    """And how many records each touched. Pages are prepared before the clock starts."""
    pages = [world.page(drawing) for _ in range(ROUNDS)]
    before = _touched(world)
    seconds = median(timed(partial(world.store, *page)) for page in pages)
    return seconds / PAGE, (_touched(world) - before) / (PAGE * ROUNDS)


def _against_orm(world: World, rate: float) -> None:
    """`rate` in messages a second. A round is some messages one after another, as a page is: the few
    whose records have long histories are most of what such a build costs. The second figure has no
    goal: it says how much of the first is owed to the signals."""
    rounds = [[world.message() for _ in range(ORM_MESSAGES)] for _ in range(ORM_ROUNDS)]
    for name, goal, store in (
        ("3 storing against the ORM and signals, a message at a time", ">= 150", yardstick.store),
        ("3 the same, recomputed once a message", "", yardstick.store_then_recompute),
    ):
        seconds = median(_orm_seconds(store, messages) for messages in rounds)
        show(name, ratio=rate * seconds, of=rate, against=1 / seconds, unit="messages/s", goal=goal,
             size=world.size)  # fmt: skip


def _touched(world: World) -> int:
    """Timeline rows, which is records touched, counted over all messages."""
    rows = fetch(
        "SELECT (SELECT count(*) FROM intelligence_companyinteraction WHERE workspace_id = %(w)s)"
        " + (SELECT count(*) FROM intelligence_personinteraction WHERE workspace_id = %(w)s)",
        w=world.workspace.pk,
    )
    return rows[0][0]


def _raw_copy_rate(page: Page) -> float:
    """Messages a second that COPY can put into two unindexed tables: the facts and nothing else."""
    repeat = 100
    facts = [
        (n, item.identity, item.occurred_at, item.place.thread_key, item.mail.text)
        for n, item in enumerate(page.mail * repeat)
    ]
    people = [
        (n, one.email, item.occurred_at)
        for n, item in enumerate(page.mail * repeat)
        for one in (*item.mail.sender, *item.mail.to, *item.mail.cc)
    ]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE raw_fact (n int, k bytea, at timestamptz, t bytea, body text)")
        cursor.execute("CREATE TABLE raw_party (n int, email text, at timestamptz)")
        seconds = timed(lambda: _copy(cursor, facts, people))
        cursor.execute("DROP TABLE raw_fact, raw_party")
    return len(facts) / seconds


def _copy(cursor: Any, facts: list[tuple], people: list[tuple]) -> None:
    for table, rows in (("raw_fact", facts), ("raw_party", people)):
        with cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def _orm_seconds(store: Store, messages: Sequence[tuple[Reader, Page]]) -> float:
    """A message's share. Each is taken back, so that both ways of storing meet the same history."""
    return fmean(_rolled_back(partial(store, reader, page.mail[0])) for reader, page in messages)


def _rolled_back(work: Callable[[], object]) -> float:
    seconds = 0.0
    try:
        with transaction.atomic():
            seconds = timed(work)
            raise RolledBack
    except RolledBack:
        return seconds


def live_message(world: World) -> None:
    execute("CREATE TABLE IF NOT EXISTS bare_insert (id bigserial PRIMARY KEY, words text)")

    def insert() -> None:
        with transaction.atomic():
            execute("INSERT INTO bare_insert (words) VALUES ('a subject and so on')")

    live, bare = interleaved(lambda: world.store(*world.message()), insert, rounds=40)
    execute("DROP TABLE bare_insert")
    show(
        "5 one live message, all attributes, one commit",
        ratio=live / bare,
        of=live,
        against=bare,
        unit="s",
        goal="<= 6",
        size=world.size,
    )


def reading(world: World) -> None:
    """A page's statements and a single message's, put through EXPLAIN one by one."""
    execute("ANALYZE")
    for what, items in (("a page of 500", world.page(world.lately)), ("one live message", world.message())):
        with transaction.atomic():
            lock_workspace_for_storing(world.workspace.pk)  # they are planned as they were asked
            plans = plans_of(partial(world.store, *items))
        whole = sorted(set().union(*map(whole_tables, plans)))
        show(
            f"5 tables that {what} reads from end to end",
            ratio=len(whole),
            of=len(whole),
            against=len(plans),
            unit="tables, statements",
            goal="0",
            size=world.size,
            tables=whole,
            indexes=sorted(set().union(*map(indexes, plans))),
        )


def sweep(world: World) -> None:
    workspace = world.workspace.pk
    idle, bare = interleaved(
        lambda: settle_due_events(workspace, now=world.now), lambda: fetch("SELECT 1"), rounds=40
    )
    show(
        "7 sweep with nothing due against a bare select",
        ratio=idle / bare,
        of=idle,
        against=bare,
        unit="s",
        goal="<= 2",
        size=world.size,
    )
    later = world.now + timedelta(days=2)
    waiting = Interaction.objects.filter(
        workspace=world.workspace, has_started=False, occurred_at__lte=later
    ).count()
    seconds = timed(lambda: settle_due_events(workspace, now=later))
    show(
        "7 sweep per due event",
        ratio=1000 * seconds / max(waiting, 1),
        of=seconds,
        against=waiting,
        unit="ms/event",
        goal="<= 2 ms",
        size=world.size,
    )
    world.now = later


def removal(world: World, ingest_cost: float) -> None:
    by_size = Mailbox.objects.filter(workspace=world.workspace).annotate(held=Count("copies"))
    mailbox = by_size.order_by("-held", "pk")[0]
    held = EmailMessage.objects.filter(copies__mailbox=mailbox).count() + mailbox.sources.count()
    begin_removal(mailbox)
    seconds = timed(lambda: purge(mailbox, now=world.now))
    show(
        "6 removing a mailbox, per interaction, against storing one",
        ratio=seconds / held / ingest_cost,
        of=seconds / held,
        against=ingest_cost,
        unit="s/interaction",
        goal="<= 2",
        size=world.size,
        interactions=held,
    )


def equality(world: World) -> None:
    earliest = Interaction.objects.aggregate(at=Min("occurred_at"))["at"]
    found = list(differences(world.workspace.pk, now=world.now))
    show(
        "15 stored answers that differ from a rebuild",
        ratio=len(found),
        of=len(found),
        against=0,
        unit="answers",
        goal="0",
        size=world.size,
        since=str(earliest),
    )
