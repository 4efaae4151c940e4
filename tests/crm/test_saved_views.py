"""Saved views: whose they are, what an address says about them, and what somebody else makes of it."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import QueryDict

from crm.models import Member, Role, SavedView
from crm.records import COMPANY
from crm.tables.arranging import moved_column, with_column
from crm.tables.columns import default_columns
from crm.tables.saved_views import CannotSave, delete_view, describe_view, rearrange_view, save_view, views_of
from crm.tables.state import BadState, State, read_state
from crm.tables.view_counts import counted_views
from tests.conftest import SignIn
from tests.crm.shelving import pages
from tests.desk import NOW, Desk

pytestmark = pytest.mark.django_db

QUIET = {
    "sort": "-people",
    "filters": ["last_interaction:more_than_days_ago:4", "people:at_least:1"],
    "columns": ["people", "last_interaction"],
}


@pytest.fixture
def cleo(desk: Desk) -> Member:
    member = desk.members["cleo"]
    member.role = Role.ADMIN
    member.save()
    return member


def saved(by: Member, name: str = "Going quiet", *, is_shared: bool = False) -> SavedView:
    return save_view("company", name, **QUIET, is_shared=is_shared, by=by)  # type: ignore[arg-type]


def state_of(member: Member, query: str) -> State:
    remembered = member.table_columns.get("company")
    return read_state(COMPANY, QueryDict(query), views=views_of(member, "company"), remembered=remembered)


def test_a_view_is_its_owners_alone_until_it_is_shared(ada: Member, ben: Member, dan: Member) -> None:
    own, shared = saved(ada, "Own"), saved(ada, "Shared", is_shared=True)

    assert [one.pk for one in views_of(ada, "company")] == [own.pk, shared.pk]
    assert [one.pk for one in views_of(ben, "company")] == [shared.pk]
    assert views_of(dan, "company") == []
    assert views_of(ada, "person") == []


def test_only_its_keepers_change_a_view(ada: Member, ben: Member, cleo: Member, dan: Member) -> None:
    own, shared = saved(ada, "Own"), saved(ada, "Shared", is_shared=True)

    for view, stranger in ((own, ben), (own, cleo), (shared, ben), (shared, dan)):
        with pytest.raises(PermissionDenied):
            rearrange_view(view, **QUIET, by=stranger)  # type: ignore[arg-type]
        with pytest.raises(PermissionDenied):
            describe_view(view, "Mine now", is_shared=False, by=stranger)
        with pytest.raises(PermissionDenied):
            delete_view(view, by=stranger)
    describe_view(shared, "For all of us", is_shared=True, by=cleo)
    ada.is_active = False
    with pytest.raises(PermissionDenied):
        delete_view(own, by=ada)

    assert SavedView.objects.get(pk=shared.pk).name == "For all of us"


@pytest.mark.parametrize(
    ("name", "words"), [("  ", "Give the view a name."), ("x" * 61, "A name has 60 characters")]
)
def test_a_view_needs_a_name(ada: Member, name: str, words: str) -> None:
    with pytest.raises(CannotSave, match=words):
        saved(ada, name)


def test_an_address_of_a_view_is_the_view_until_it_says_otherwise(ada: Member) -> None:
    view = saved(ada)

    plain = state_of(ada, f"view={view.pk}")
    changed = state_of(ada, f"view={view.pk}&filter=people:at_least:1&sort=name")
    cleared = state_of(ada, f"view={view.pk}&filter=")

    assert plain.sort_text == "-people"
    assert [one.text for one in plain.filters] == QUIET["filters"]
    assert plain.columns == ("people", "last_interaction")
    assert (plain.is_changed, changed.is_changed, cleared.is_changed) == (False, True, True)
    assert [one.text for one in changed.filters] == ["people:at_least:1"]
    assert cleared.filters == ()
    for state in (plain, changed, cleared):
        assert state_of(ada, state.query()).arrangement == state.arrangement


def test_an_address_shows_a_colleague_the_same_table(ada: Member, ben: Member) -> None:
    """Of a view that is not his, and though he sees all records with columns of his own."""
    view = saved(ada)
    ben.table_columns = {"company": ["domains"]}
    ada.table_columns = {"company": ["industry"]}

    for query in (f"view={view.pk}", f"view={view.pk}&sort=name", "sort=name", "columns=domains,people"):
        theirs = state_of(ada, query)
        full = theirs.query()
        his = state_of(
            ben,
            full if "columns" in full or theirs.view is None else f"{full}&columns=people,last_interaction",
        )
        assert his.arrangement == theirs.arrangement


def test_what_a_view_was_saved_with_may_be_gone(ada: Member) -> None:
    view = save_view(
        "company", "Old", sort="-gone", filters=["gone:is:x", "people:at_least:1"], columns=["gone", "people"],
        is_shared=False, by=ada,
    )  # fmt: skip

    state = state_of(ada, f"view={view.pk}")

    assert (state.sort_text, [one.text for one in state.filters], state.columns) == (
        "-last_interaction",
        ["people:at_least:1"],
        ("people",),
    )


def test_a_view_whose_owner_is_gone_stays_and_admins_keep_it(desk: Desk, ben: Member, cleo: Member) -> None:
    view = saved(ben, is_shared=True)
    SavedView.objects.filter(pk=view.pk).update(owner=None)
    view.refresh_from_db()

    describe_view(view, "Mine", is_shared=False, by=cleo)

    assert (view.owner, view.is_shared) == (cleo, False)


def test_counts_are_one_statement(shelf: Desk, ada: Member, django_assert_num_queries: object) -> None:
    for n in range(3):
        saved(ada, f"View {n}")
    save_view("company", "All", sort="name", filters=[], columns=["people"], is_shared=False, by=ada)

    with django_assert_num_queries(2):  # type: ignore[operator]
        found = counted_views(ada, COMPANY, now=NOW)

    narrow = "sort=name&filter=last_interaction:more_than_days_ago:4&filter=people:at_least:1"
    quiet = str(sum(map(len, pages(shelf, COMPANY, narrow))))
    assert [(view.name, count and str(count)) for view, count in found] == [
        ("View 0", quiet),
        ("View 1", quiet),
        ("View 2", quiet),
        ("All", None),
    ]


def test_columns_come_go_and_move() -> None:
    state = read_state(COMPANY, QueryDict("columns=domains,last_interaction,first_interaction"))

    assert with_column(state, "people", is_shown=True) == (
        "domains",
        "people",
        "last_interaction",
        "first_interaction",
    )
    assert with_column(state, "domains", is_shown=False) == ("last_interaction", "first_interaction")
    assert with_column(state, "domains", is_shown=True) == state.columns
    assert moved_column(state, "domains", by=1) == ("last_interaction", "domains", "first_interaction")
    assert moved_column(state, "domains", by=9) == ("last_interaction", "first_interaction", "domains")
    assert moved_column(state, "first_interaction", by=-2) == (
        "first_interaction",
        "domains",
        "last_interaction",
    )
    assert moved_column(state, "domains", by=-1) == state.columns
    for wrong in ("name", "nothing", "people"):
        with pytest.raises(BadState):
            moved_column(state, wrong, by=1)
    assert "industry" not in default_columns("company")


def test_the_whole_story_in_pages(shelf: Desk, signed_in: SignIn, ben: Member) -> None:
    ada, other = signed_in.as_(shelf.members["ada"]), signed_in.as_(ben)
    base, table = "/halyard/views/companies/", "sort=-people&filter=people:at_least:2&columns=people"

    created = ada.post(f"{base}?{table}", {"name": "Big ones", "shared": "1"})
    view = SavedView.objects.get()
    refused = ada.post(f"{base}?{table}", {"name": ""})
    seen = other.get(f"/halyard/companies/?view={view.pk}").content.decode()
    rearranged = ada.post(f"{base}{view.pk}/arrangement/?view={view.pk}&sort=name&filter=people:at_least:3")
    stranger = other.post(f"{base}{view.pk}/deletion/")
    tabs = other.get(f"{base}tabs/?view={view.pk}").content.decode()

    assert (created.status_code, created.url) == (302, f"/halyard/companies/?view={view.pk}")
    assert "Give the view a name." in refused.content.decode()
    assert "Big ones" in seen
    assert 'data-attribute="domains"' not in seen
    assert (rearranged.status_code, stranger.status_code) == (302, 404)
    view.refresh_from_db()
    assert (view.sort, view.filters, view.columns) == ("name", ["people:at_least:3"], ["people"])
    assert '<span class="count">43</span>' in tabs
    assert "Big ones" in other.get("/halyard/views/").content.decode()
    assert ada.post(f"{base}{view.pk}/deletion/").status_code == 302
    assert SavedView.objects.count() == 0


def test_what_somebody_else_saved_meanwhile_is_not_saved_over(
    shelf: Desk, cleo: Member, signed_in: SignIn
) -> None:
    ada = shelf.members["ada"]
    view = saved(ada, is_shared=True)
    browser, address = (
        signed_in.as_(ada),
        f"/halyard/views/companies/{view.pk}/arrangement/?view={view.pk}&sort=name",
    )
    [as_opened] = views_of(ada, "company")
    rearrange_view(view, sort="-name", filters=[], columns=["people"], by=cleo)
    [as_it_is] = views_of(ada, "company")

    refused = browser.post(address, {"version": as_opened.version}, follow=True)
    view.refresh_from_db()
    assert view.sort == "-name"
    assert "Somebody else has changed this view meanwhile." in refused.content.decode()
    assert "sort=name" in refused.redirect_chain[0][0]
    assert browser.post(address, {"version": as_it_is.version}).status_code == 302
    view.refresh_from_db()
    assert view.sort == "name"


def test_a_view_that_is_not_ones_own_is_told_rather_than_passed_over(
    desk: Desk, ada: Member, ben: Member, signed_in: SignIn
) -> None:
    view = save_view("company", "Mine", sort="name", filters=[], columns=["domains"], is_shared=False, by=ada)
    browser = signed_in.as_(ben)

    for pk in (view.pk, view.pk + 99):
        answer = browser.get(f"/halyard/companies/?view={pk}&sort=name", follow=True)
        assert answer.redirect_chain == [("/halyard/companies/?sort=name", 302)]
        assert "That view is gone" in answer.content.decode()
    assert "That view is gone" not in browser.get("/halyard/companies/?sort=name").content.decode()
    assert signed_in.as_(ada).get(f"/halyard/companies/?view={view.pk}").status_code == 200
