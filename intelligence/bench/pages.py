"""The pages people live in, on a workspace as large as they get, each against a view that does nothing but
list fifty names."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from django.http import QueryDict
from django.utils import timezone

from crm.models import Person, User
from crm.record_pages import record_page
from crm.records import COMPANY, PERSON, RecordType
from crm.statements import fetch
from crm.tables.columns import columns_of
from crm.tables.page import PageRows, look_of, read_page, shown_columns
from crm.tables.selecting import Selection
from crm.tables.state import read_state
from intelligence.bench.figures import interleaved, show
from intelligence.bench.library import Library
from intelligence.bench.table import OPPOSED
from intelligence.bench.visiting import BARE, Visitor, open_house, scripts_of, statements
from intelligence.timeline import read_timeline

LARGE = 20_000
# So many that half of them run as the server has learnt to plan them.
ROUNDS = 21
PAGE_GOAL, MOST_QUERIES = 5, 4
FILTER_GOAL, OPPOSED_GOAL = 10, 80
SCRIPT_BYTES = 61_440

SMART_FILTERS = (
    "last_interaction:within_days:30",
    "next_calendar_interaction:within_days:7",
    "last_email_interaction:more_than_days_ago:90",
    "last_interaction:kind_is:meeting",
    "last_interaction:with:{member}",
    "first_email_interaction:with:me",
    "next_calendar_interaction:with:me",
    "last_calendar_interaction:is_empty:",
    "next_calendar_interaction:is_not_empty:",
    "connection_strength:at_least:Good",
    "connection_strength:is:Very strong",
    "strongest_connection:is:me",
)
FILTERS = {
    COMPANY: (
        *SMART_FILTERS,
        "name:contains:harbour",
        "name:contains:zzz",
        "domains:contains:harbour",
        "people:at_least:5",
        "people:at_least:20",
        "industry:contains:rail",
        "location:is_empty:",
    ),
    PERSON: (
        *SMART_FILTERS,
        "name:contains:rowan",
        "name:contains:zzz",
        "email_addresses:contains:harbour",
        "company:contains:harbour",
        "job_title:contains:rail",
        "phone:is_empty:",
    ),
}
FILTER_SORTS = ("-last_interaction", "name")


def run(companies: int, *, rounds: int = ROUNDS) -> None:
    library = Library(companies=companies, large=min(LARGE, companies), now=timezone.now())
    with open_house():
        Pages(library, rounds=rounds).run()


class Pages:
    def __init__(self, library: Library, *, rounds: int = ROUNDS) -> None:
        self.library, self.member, self.rounds = library, library.reader, rounds
        self.visitor = Visitor(self.member.user, f"/{library.workspace.slug}")
        self.bare = Visitor(self.member.user).visiting(BARE)

    def run(self) -> None:
        for kind in (COMPANY, PERSON):
            self.every_sort(kind)
            self.every_filter(kind)
        self.opposed_filters()
        self.records()
        self.searches()
        self.around_a_table()
        self.administration()
        self.scripts()

    # Tables

    def every_sort(self, kind: RecordType) -> None:
        for name, column in columns_of(kind.name).items():
            for sign in ("", "-") if column.walk else ():
                page = self.visitor.visiting(f"/{kind.plural}/?sort={sign}{name}")
                queries = len(statements(page))
                goal = f"<= {PAGE_GOAL}, at most {MOST_QUERIES} queries"
                self._against_bare(f"page of {kind.plural} by {sign}{name}", page, goal, queries=queries)

    def every_filter(self, kind: RecordType) -> None:
        """A whole page against the bare view, and what the database does of it against a bare select."""
        for text in FILTERS[kind]:
            one = text.format(member=self.library.members[7].pk)
            for sort in FILTER_SORTS:
                query, words = urlencode([("sort", sort), ("filter", one)]), f"where {text} by {sort}"
                page = self.visitor.visiting(f"/{kind.plural}/?{query}")
                queries = len(statements(page))
                goal = f"<= {FILTER_GOAL}"
                self._against_bare(f"page of {kind.plural} {words}", page, goal, queries=queries)
                self._of_select(f"rows of {kind.plural} {words}", kind, query, "")

    def opposed_filters(self) -> None:
        for kind in (COMPANY, PERSON):
            for sort in FILTER_SORTS:
                name = f"rows of {kind.plural} with two opposed filters by {sort}"
                self._of_select(name, kind, f"sort={sort}&{OPPOSED}", f"<= {OPPOSED_GOAL}")

    def _of_select(self, name: str, kind: RecordType, query: str, goal: str) -> None:
        rows = self._reading(kind, query)
        ours, select = interleaved(rows, partial(_select, kind), rounds=self.rounds)
        self._show(name, ours, select, goal, matching=str(rows().count))

    def _reading(self, kind: RecordType, query: str) -> Callable[[], PageRows]:
        """The rows of a page and how many match: the page's statements, without its face."""
        state, look = read_state(kind, QueryDict(query)), look_of(self.member, now=timezone.now())
        selection = Selection.of(shown_columns(kind, state))
        return partial(read_page, self.member.workspace_id, kind, state, selection=selection, look=look)

    # Records

    def records(self) -> None:
        large = self.library.large.pk
        ordinary, person = self.library.ordinary("company", 10), self.library.ordinary("person", 3)
        for label, path in self._parts(COMPANY, ordinary).items():
            work, of_large = self.visitor.visiting(*path), self._parts(COMPANY, large)[label]
            self._twice(label, work, self.visitor.visiting(*of_large))
        for label, path in self._parts(PERSON, person).items():
            self._against_bare(f"{label} of a person", self.visitor.visiting(*path))
        self._against_bare("second page of the feed of the large company", self._second_page(large))

    def _parts(self, kind: RecordType, pk: int) -> dict[str, tuple[str]]:
        """What of a record is asked for, by what it is called."""
        base = f"/{kind.plural}/{pk}/"
        return {
            "whole page": (base,),
            "emails tab": (f"{base}emails/",),
            "calendar tab": (f"{base}calendar/",),
            "details": (f"{base}details/",),
            "counts on tabs": (f"{base}counts/",),
            "strength explained": (f"{base}strength/?member={_best(kind, pk)}",),
        }

    def _twice(self, label: str, ordinary: Callable[[], Any], large: Callable[[], Any]) -> None:
        of_ordinary, of_large, bare = interleaved(ordinary, large, self.bare, rounds=self.rounds)
        queries = len(statements(large))
        self._show(f"{label} of an ordinary company", of_ordinary, bare)
        self._show(f"{label} of the large company", of_large, bare, queries=queries)
        self._show(f"{label}, large company against ordinary", of_large, of_ordinary)

    def _second_page(self, pk: int) -> Callable[[], Any]:
        page = record_page(self.member, COMPANY, pk, now=timezone.now())
        place = read_timeline(self.member, page).next_place
        return self.visitor.visiting(f"/companies/{pk}/activity/?after={quote(place)}", is_part=True)

    # Search

    def searches(self) -> None:
        person = Person.objects.filter(workspace=self.library.workspace, addresses__isnull=False)
        one = person.latest("pk")
        said = {
            "three letters": "har",
            "a name of two words": one.name,
            "an address": one.addresses.get().email,
            "a word of a subject": "turbine",
            "what there is not": "zzyzx",
        }
        for label, words in said.items():
            work = self.visitor.visiting(f"/search/?q={quote(words)}", is_part=True)
            self._against_bare(f"search for {label}", work, queries=len(statements(work)))

    # Around a table

    def around_a_table(self) -> None:
        for kind in (COMPANY, PERSON):
            ids = [row[0] for row in self._reading(kind, "sort=-last_interaction")().rows[:50]]
            for label, path in self._asides(kind, ids):
                self._aside(kind, label, self.visitor.visiting(path, is_part=True))
            told = {"shown": ",".join(map(str, ids)), "changed": f"{ids[0]},{ids[9]}"}
            changes = f"/{kind.plural}/changes/?sort=-last_interaction"
            self._aside(kind, "changes", self.visitor.visiting(changes, is_part=True, posted=told))

    def _aside(self, kind: RecordType, label: str, work: Callable[[], Any]) -> None:
        self._against_bare(f"{label} of {kind.plural}", work, queries=len(statements(work)))

    def _asides(self, kind: RecordType, ids: list[int]) -> Iterable[tuple[str, str]]:
        base, filters = f"/{kind.plural}/", "filter=connection_strength:at_least:Good"
        yield "calculations", f"{base}calculations/"
        yield "calculations under a filter", f"{base}calculations/?{filters}"
        yield "pager", f"{base}{ids[20]}/neighbours/?sort=-last_interaction&number=21"
        yield "pager under a filter", f"{base}{ids[0]}/neighbours/?sort=-last_interaction&{filters}"
        yield "view counts", f"/views/{kind.plural}/tabs/"

    # The rest

    def administration(self) -> None:
        operator = User.objects.create_superuser("operator@library.example", password=None)
        for kind in (COMPANY, PERSON):
            changelist = Visitor(operator).visiting(f"/admin/crm/{kind.name}/")
            table = self.visitor.visiting(f"/{kind.plural}/")
            ours, admin = interleaved(table, changelist, rounds=self.rounds)
            name, queries = f"page of {kind.plural} against Django admin's list", len(statements(table))
            self._show(name, ours, admin, queries=queries, of_admin=len(statements(changelist)))

    def scripts(self) -> None:
        sizes = scripts_of(self.visitor.visit("/companies/"))
        show(
            "scripts of the table page, zipped, of what is allowed",
            ratio=sum(sizes.values()) / SCRIPT_BYTES,
            of=sum(sizes.values()),
            against=SCRIPT_BYTES,
            unit="bytes",
            goal="<= 1",
            scripts=sizes,
        )

    def _against_bare(self, name: str, work: Callable[[], Any], goal: str = "", **more: Any) -> None:
        ours, bare = interleaved(work, self.bare, rounds=self.rounds)
        self._show(name, ours, bare, goal, **more)

    def _show(self, name: str, of: float, against: float, goal: str = "", **more: Any) -> None:
        show(
            name,
            ratio=of / against,
            of=of,
            against=against,
            unit="s",
            goal=goal,
            size=self.library.companies,
            **more,
        )


def _select(kind: RecordType) -> None:
    fetch(f"SELECT * FROM {kind.table} LIMIT 50")


def _best(kind: RecordType, pk: int) -> int:
    """The member with the strongest tie."""
    table = f"intelligence_{kind.name}connection"
    statement = f"SELECT member_id FROM {table} WHERE {kind.name}_id = %(pk)s ORDER BY score DESC LIMIT 1"
    return fetch(statement, pk=pk)[0][0]
