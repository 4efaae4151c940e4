"""What crm itself has to find: companies, people, its pages and what can be done on them."""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from django.urls import reverse

from crm import cells
from crm.naming import name_key
from crm.records import BY_PLURAL, COMPANY, PERSON, RecordType
from crm.search.finding import Found, find_records, recall_records
from crm.search.quick import DO, GO_TO, Every, Hit, Looking, Source, register_commands, register_source
from crm.search.words import Query
from crm.tables.filters import MOST_CHARACTERS, make_filter

# What people call that which a table filters by where somebody has said an address or a domain.
HOST_WORDS = {COMPANY.name: "domain", PERSON.name: "address"}

_ON_RECORD = re.compile(rf"^/(?P<slug>[^/]+)/(?P<plural>{'|'.join(BY_PLURAL)})/(?P<pk>\d{{1,18}})/")


def _source(kind: RecordType, order: int) -> Source:
    def find(looking: Looking, query: Query, most: int) -> Sequence[Hit]:
        found = find_records(looking.member.workspace_id, kind, query, most=most)
        return [_hit(kind, looking, one, one.detail) for one in found]

    def recall(looking: Looking, ids: list[int]) -> Iterable[Hit]:
        found = recall_records(looking.member.workspace_id, kind, ids)
        return [_hit(kind, looking, one, one.detail or kind.name.capitalize()) for one in found]

    def every(looking: Looking, query: Query, hits: Sequence[Hit]) -> Every | None:
        words = [word[:MOST_CHARACTERS].replace(",", " ") for word in query.said.split()]
        if all(name_key(word) in name_key(hit.label) for word in words for hit in hits):
            filters, where = [("name", word) for word in words], "name"
        elif all("." in word or "@" in word for word in words):
            filters, where = [(kind.known_by, word) for word in words], HOST_WORDS[kind.name]
        else:
            return None
        made = [make_filter(kind.name, field, "contains", [word]) for field, word in filters if word.strip()]
        query_string = urlencode([("filter", one.text) for one in made])
        return Every(f"{kind.list_url(looking.slug)}?{query_string}", where)

    return Source(kind.name, kind.title, order, find, recall, every)


def _hit(kind: RecordType, looking: Looking, found: Found, note: str) -> Hit:
    draw = cells.mark if kind is COMPANY else cells.avatar
    face = draw(found.pk, found.name)
    return Hit(found.name, kind.url(looking.slug, found.pk), face, f"{kind.name}:{found.pk}", note)


def _pages(looking: Looking) -> Iterable[Hit]:
    slug = looking.slug
    yield Hit("Companies", reverse("crm:companies", args=[slug]), cells.icon("building", ""), keys=("G", "C"))
    yield Hit("People", reverse("crm:people", args=[slug]), cells.icon("users", ""), keys=("G", "P"))
    yield Hit(
        "Notifications", reverse("crm:notifications", args=[slug]), cells.icon("bell", ""), keys=("G", "N")
    )
    if looking.member.is_admin:
        yield Hit(
            "Members", reverse("crm:members", args=[slug]), cells.icon("user", ""), also="invite settings"
        )
        yield Hit("Teams", reverse("crm:teams", args=[slug]), cells.icon("users", ""), also="settings")


def _actions(looking: Looking) -> Iterable[Hit]:
    lists = {kind: kind.list_url(looking.slug) for kind in (COMPANY, PERSON)}
    for kind, url in lists.items():
        new = f"New {kind.name}"
        yield Hit(new, f"{url}creation/form/", cells.icon("plus", ""), does="dialog", also="add create")
    for kind, url in lists.items():
        yield Hit(f"Import {kind.plural}", f"{url}import/", cells.icon("upload", ""), also="csv file upload")


def _own(looking: Looking) -> Iterable[Hit]:
    url = reverse("crm:shortcuts", args=[looking.slug])
    yield Hit("Switch theme", "", cells.icon("palette", ""), does="theme", also="dark light mode")
    yield Hit(
        "Keyboard shortcuts", url, cells.icon("keyboard", ""), keys=("?",), does="dialog", also="keys help"
    )
    url = reverse("crm:recently", args=[looking.slug])
    also = "recently deleted restore trash take back"
    yield Hit("Undo deletions and changes", url, cells.icon("history", ""), does="dialog", also=also)
    url = reverse("account_logout")
    yield Hit("Sign out", url, cells.icon("logout", ""), does="sign-out", also="log out")


def record_here(looking: Looking) -> tuple[RecordType, int] | None:
    """The record whose page somebody is on. It may not be there any more."""
    found = _ON_RECORD.match(looking.here)
    if found is None or found["slug"] != looking.slug:
        return None
    return BY_PLURAL[found["plural"]], int(found["pk"])


def register_sources() -> None:
    register_source(_source(COMPANY, order=0))
    register_source(_source(PERSON, order=1))
    register_commands(GO_TO, _pages, order=0)
    register_commands(DO, _actions, order=1)
    register_commands(DO, _own, order=9)
