"""Every page against the rules of WCAG 2.2 AA that a program can check, in both themes and both widths.

Pages are found by following links from the first one, each kind of page once: a new page is looked at
without anybody adding it here.
"""

import os
from collections.abc import Iterator
from urllib.parse import urldefrag, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import Resolver404, resolve
from playwright.sync_api import Page

from crm.tables.saved_views import save_view
from tests.journeys.stage import NARROW, WIDE, Stage

pytestmark = pytest.mark.django_db(transaction=True)

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "resultTypes": ["violations"],
    "preload": False,
}
LOOKS = [("light", WIDE), ("dark", NARROW)]
if os.environ.get("RAPPORT_AXE") == "full":
    LOOKS += [("dark", WIDE), ("light", NARROW)]
# Not pages of ours: Django admin's, files, the body of a mail, and what ends the visit.
APART = ("/admin/", "/static/", "/accounts/logout/", "/accounts/invitations/")
STARTS = (
    "/halyard/companies/",
    "/halyard/people/",
    "/halyard/search/",
    "/halyard/views/",
    "/accounts/email/",
)


def serious(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {', '.join(node['target'][0] for node in one['nodes'][:3])}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


def links(page: Page, site: str) -> Iterator[str]:
    for href in page.eval_on_selector_all("a[href]", "all => all.map((one) => one.href)"):
        path = urldefrag(href).url.removeprefix(site)
        if path.startswith("/") and not path.startswith(APART) and ".csv" not in path:
            yield path


def route(path: str) -> str:
    try:
        return str(resolve(urlsplit(path).path).view_name)
    except Resolver404:
        return ""


@pytest.mark.parametrize(
    ("theme", "size"), LOOKS, ids=lambda value: value if isinstance(value, str) else value["width"]
)
def test_no_page_has_a_serious_finding(read: Stage, theme: str, size: dict[str, int]) -> None:
    cleo = read.people["cleo"]
    filters = ["last_interaction:is_not_empty:"]
    save_view(
        "company", "In touch", sort="name", filters=filters, columns=["domains"], is_shared=True, by=cleo
    )
    page = read.page("cleo", size=size)
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    waiting, seen, wrong = list(STARTS), set[str](), dict[str, list[str]]()

    while waiting:
        path = waiting.pop(0)
        if not route(path) or route(path) in seen:
            continue
        seen.add(route(path))
        page.goto(f"{read.site}{path}", wait_until="load")
        page.wait_for_timeout(150)
        if findings := serious(page):
            wrong[path] = findings
        waiting += links(page, read.site)

    assert wrong == {}
    assert len(seen) > 25
    assert {"crm:companies", "intelligence:record", "mailboxes:record_emails", "crm:members"} <= seen
