"""Figures 8–11 and 13: the tables, on a workspace with many records."""

from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from crm.records import COMPANY, PERSON, RecordType
from crm.statements import fetch
from crm.tables.page import PAGE_ROWS, look_of, read_page, shown_columns
from crm.tables.selecting import Selection
from crm.tables.state import read_state
from crm.tables.walking import Place
from intelligence.attributes import INTERACTIONS
from intelligence.bench.figures import interleaved, show
from intelligence.bench.plans import indexes, plans_of
from intelligence.bench.shelf import Shelf

# A server is asked for the same again and again: most of these run as it has learnt to plan them, which
# takes it ten.
ROUNDS = 41

SMART = (*(one.name for one in INTERACTIONS), "connection_strength", "strongest_connection")
OPPOSED = "filter=last_email_interaction:more_than_days_ago:90&filter=connection_strength:at_least:Good"


def run(companies: int, people: int) -> None:
    shelf = Shelf(companies=companies, people=people, now=timezone.now())
    for kind, size in ((COMPANY, companies), (PERSON, people)):
        reader = _Reader(shelf, kind, size)
        reader.every_sort()
        reader.deep_page()
        reader.strongest()
    _Reader(shelf, COMPANY, companies).opposed_filters()
    whole_page(shelf, companies)


class _Reader:
    """Reads one table as the page does, and a bare one beside it."""

    def __init__(self, shelf: Shelf, kind: RecordType, size: int) -> None:
        self.shelf, self.kind, self.size = shelf, kind, size
        self.look = look_of(shelf.members[0], now=shelf.now)

    def bare(self) -> None:
        fetch(f"SELECT * FROM {self.kind.table} ORDER BY id LIMIT 50")

    def page(self, query: str, after: Place | None = None) -> list[tuple[Any, ...]]:
        """With `after` it is a later page, on which nothing is counted."""
        state = read_state(self.kind, QueryDict(f"{query}&after={after.encoded()}" if after else query))
        selection = Selection.of(shown_columns(self.kind, state))
        is_first = state.after is None
        look, workspace = self.look, self.shelf.workspace.pk
        return read_page(
            workspace, self.kind, state, selection=selection, look=look, is_counted=is_first
        ).rows

    def every_sort(self) -> None:
        for name in SMART:
            for sign in ("", "-"):
                query = f"sort={sign}{name}"
                after = self._place(f"{sign}{name}", 1)
                ours, bare = interleaved(partial(self.page, query, after), self.bare, rounds=ROUNDS)
                show(
                    f"8 page of {self.kind.plural} by {sign}{name}",
                    ratio=ours / bare,
                    of=ours,
                    against=bare,
                    unit="s",
                    goal="<= 5",
                    size=self.size,
                    # of the last statement, which is the page's
                    indexes=sorted(indexes(plans_of(partial(self.page, query))[-1])),
                )

    def deep_page(self) -> None:
        for sort in ("-last_interaction", "connection_strength"):
            after = self._place(sort, 1000)
            ours, bare = interleaved(partial(self.page, f"sort={sort}", after), self.bare, rounds=ROUNDS)
            show(
                f"9 page 1,000 of {self.kind.plural} by {sort}",
                ratio=ours / bare,
                of=ours,
                against=bare,
                unit="s",
                goal="<= 8",
                size=self.size,
            )

    def strongest(self) -> None:
        table = f"intelligence_{self.kind.name}insight"
        statement = (
            f"SELECT {self.kind.name}_id, score FROM {table} WHERE workspace_id = %(w)s"
            " AND score IS NOT NULL ORDER BY score DESC LIMIT 50"
        )
        ours, bare = interleaved(lambda: fetch(statement, w=self.shelf.workspace.pk), self.bare, rounds=15)
        show(
            f"13 the fifty strongest of {self.kind.plural}",
            ratio=ours / bare,
            of=ours,
            against=bare,
            unit="s",
            goal="<= 2",
            size=self.size,
        )

    def opposed_filters(self) -> None:
        query = f"sort=-last_interaction&{OPPOSED}"
        ours, bare = interleaved(partial(self.page, query), self.bare, rounds=ROUNDS)
        show(
            "10 page with a capped count and two opposed filters",
            ratio=ours / bare,
            of=ours,
            against=bare,
            unit="s",
            goal="<= 80",
            size=self.size,
            matching=len(self.page(query)),
        )

    def _place(self, sort: str, number: int) -> Place:
        """The last row of a page so far down, found by walking there."""
        rows = self.page(f"sort={sort}")
        for page in range(1, number + 1):
            last = rows[PAGE_ROWS - 1]
            after = Place(last[1], last[0], page * PAGE_ROWS)
            if len(rows) <= PAGE_ROWS or page == number:
                break
            rows = self.page(f"sort={sort}", after)
        return after


# Hashed names of static files need collectstatic; the addresses are as long without.
PLAIN_FILES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}


@override_settings(
    ROOT_URLCONF="intelligence.bench.bare",
    ALLOWED_HOSTS=["testserver"],
    STORAGES=settings.STORAGES | PLAIN_FILES,
)
def whole_page(shelf: Shelf, size: int) -> None:
    """The whole answer through client and middleware, against a view that lists fifty names."""
    browser = Client()
    browser.force_login(shelf.members[0].user, backend="django.contrib.auth.backends.ModelBackend")
    address = f"/{shelf.workspace.slug}/companies/"
    for sort in ("-last_interaction", "connection_strength", "name"):
        ours, bare = interleaved(
            partial(browser.get, f"{address}?sort={sort}"), partial(browser.get, "/bare/"), rounds=15
        )
        with CaptureQueriesContext(connection) as captured:
            browser.get(f"{address}?sort={sort}")
        show(
            f"11 whole page by {sort}",
            ratio=ours / bare,
            of=ours,
            against=bare,
            unit="s",
            goal="<= 5, at most 4 queries",
            size=size,
            queries=len(captured),
        )
