import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from crm.models import InternalDomain, Role, Workspace
from crm.streaming import running_hubs
from tests.journeys.stage import BEN, BOB, NOW, Stage, fill, join, letter, sync
from tests.servers.dovecot import Dovecot, dovecot
from tests.servers.programs import needs_chromium

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--accept-lang=en-GB"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = needs_chromium()
    expect.set_options(timeout=10_000)  # three workers on two cores: one of them is slow now and then
    # Playwright's own loop makes Django think that everything is asynchronous.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=FLAGS)
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of all workers of this run."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def leave(browser: Browser) -> None:
    for context in browser.contexts:
        context.close()


@pytest.fixture(scope="module")
def story_server() -> Iterator[Dovecot]:
    with dovecot() as server:
        yield server


@pytest.fixture
def site(live_server: Any, browser: Browser) -> Iterator[str]:
    """The address. In the end nobody asks for anything any more while the tables are emptied."""
    yield str(live_server.url)
    leave(browser)
    limit = time.monotonic() + 10
    while listening := running_hubs():
        assert time.monotonic() < limit, "a stream does not end"
        for loop, hub in listening:
            with suppress(RuntimeError):  # it has just been closed
                loop.call_soon_threadsafe(hub.end)
        time.sleep(0.05)


@pytest.fixture
def stage(site: str, browser: Browser, story_server: Dovecot, settings: Any) -> Iterator[Stage]:
    settings.EGRESS_ALLOWED_NETWORKS = [f"127.0.0.1:{story_server.port}"]
    workspace = Workspace.objects.create(slug="halyard", name="Halyard")
    InternalDomain.objects.create(workspace=workspace, domain="halyard.example")
    people = {name: join(workspace, name) for name in ("ada", "ben")}
    people["cleo"] = join(workspace, "cleo", role=Role.ADMIN)
    stage = Stage(site, browser, story_server, people)
    yield stage
    leave(browser)
    for user in stage.mail.values():
        user.close()
    assert [one for trouble in stage.troubles for one in trouble.found] == []


@pytest.fixture
def read(stage: Stage) -> Stage:
    """Ada's and Ben's accounts are connected and read."""
    boxes = [stage.connect(name) for name in ("ada", "ben")]
    fill(stage.mail["ada"])
    stage.mail["ben"].deliver(letter(9, BOB, BEN, "Lunch", text="At noon.\n", days_ago=6), received=NOW)
    for box in boxes:
        sync(box)
    return stage
