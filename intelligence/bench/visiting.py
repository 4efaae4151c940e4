"""A member's browser, as fast as the machine allows, and the view that every page is measured against."""

import gzip
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from crm.models import User
from crm.statements import execute

BARE = "/bare/"
# Hashed names of static files need collectstatic; the addresses are as long without.
PLAIN_FILES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
_SCRIPT = re.compile(rf'<script src="{settings.STATIC_URL}([^"]+)"')


@contextmanager
def open_house() -> Iterator[None]:
    """The product's addresses and the bare view's."""
    changed = {
        "ROOT_URLCONF": "intelligence.bench.bare",
        "ALLOWED_HOSTS": ["testserver"],
        "STORAGES": settings.STORAGES | PLAIN_FILES,
    }
    with override_settings(**changed):
        execute("SET max_parallel_workers_per_gather = 0")  # as settings.PAGE_OPTIONS has it
        yield


class Visitor:
    """`base` begins the addresses he visits."""

    def __init__(self, user: User, base: str = "") -> None:
        self.base = base
        self.client = Client()
        self.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    def visit(self, path: str, *, is_part: bool = False, posted: dict[str, str] | None = None) -> str:
        """With `is_part` as a page asks for a part of itself; `posted` goes along."""
        headers = {"HX-Request": "true"} if is_part else {}
        ask = self.client.post if posted else self.client.get
        response = ask(f"{self.base}{path}", posted, headers=headers)
        if response.status_code != 200:
            raise AssertionError(f"{path} answers {response.status_code}.")
        return response.content.decode()

    def visiting(
        self, path: str, *, is_part: bool = False, posted: dict[str, str] | None = None
    ) -> Callable[[], Any]:
        return partial(self.visit, path, is_part=is_part, posted=posted)


def statements(work: Callable[[], Any]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        work()
    return [query["sql"] for query in captured]


def scripts_of(page: str) -> dict[str, int]:
    """The scripts a page refers to, and how long each is on its way."""
    return {name: _zipped(name) for name in _SCRIPT.findall(page)}


def _zipped(name: str) -> int:
    found = finders.find(name)
    assert isinstance(found, str)  # a page refers to no script that there is not
    return len(gzip.compress(Path(found).read_bytes(), compresslevel=9))
