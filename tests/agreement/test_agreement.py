"""Whichever way the same mail and the same calendars come in, a workspace knows the same."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import time_machine
from django.db.models import Count, F
from django.utils import timezone

from crm.models import InternalDomain, Workspace
from crm.workspaces import add_member
from intelligence.verifying import differences
from mailboxes.models import (
    EmailMessage,
    Mailbox,
    MessageCopy,
    PendingItem,
    QuarantinedItem,
    SkippedItem,
    StreamKind,
    SyncStream,
)
from mailboxes.running import run_now
from tests.agreement.dumps import Rows, dump, everything
from tests.agreement.mails import HOME, NOW, own
from tests.agreement.material import MEMBERS, Material, material
from tests.agreement.ways import Ways
from tests.mailboxes.letters import expire_leases

IS_FULL = os.environ.get("RAPPORT_AGREEMENT") == "full"
# Committed as in real life: of rows that are not, PostgreSQL's own upkeep notes that there are none.
pytestmark = pytest.mark.django_db(transaction=True)
MESSAGES, EVENTS = (3000, 300) if IS_FULL else (300, 50)
MOST_RUNS = 20
OTHERS = ("imap", "google", "graph", "ews")
MIXED = (("google", "graph", "ews"), ("imap", "archive", "google"))
BASELINE: dict[str, Rows] = {}


@pytest.fixture(autouse=True)
def _at_that_time() -> Iterator[None]:
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def ways(tmp_path: Path) -> Iterator[Ways]:
    with ExitStack() as stack:
        yield Ways(stack, tmp_path, world())


@pytest.fixture
def baseline(ways: Ways) -> dict[str, Rows]:
    """What all archives give, looked at once."""
    if not BASELINE:
        BASELINE.update(dump(read(ways, "by-files", dict.fromkeys(MEMBERS, "archive"))))
    return BASELINE


def world() -> Material:
    return material(MESSAGES, EVENTS)


def read(ways: Ways, slug: str, by: dict[str, str]) -> int:
    """A new workspace, in which each member's mail and calendar come that way; its id."""
    began = time.monotonic()
    workspace = Workspace.objects.create(slug=slug, name=slug)
    InternalDomain.objects.create(workspace=workspace, domain=HOME)
    members = {name: add_member(workspace, own(name), name=name.title()) for name in MEMBERS}
    mailboxes = {name: ways.connect(by[name], member) for name, member in members.items()}
    delivered = time.monotonic()
    for mailbox in mailboxes.values():
        sync(mailbox)
    print(f"{slug}: delivered in {delivered - began:.1f} s, read in {time.monotonic() - delivered:.1f} s")
    return workspace.pk


def sync(mailbox: Mailbox) -> None:
    """Until nothing is waiting: Gmail lets a few hundred messages a minute go, and the rest comes with the
    next run."""
    expire_leases()
    for stream in SyncStream.objects.filter(mailbox=mailbox).order_by("kind"):
        for _ in range(MOST_RUNS):
            run_now(stream)
            if not PendingItem.objects.filter(stream=stream).exists():
                break


def compare(found: dict[str, Rows], wanted: dict[str, Rows]) -> None:
    """Every section, so that a failure shows all that differs."""
    print("  ", {name: rows.total() for name, rows in found.items()})
    differing = {
        name: {
            "missing": sorted(map(str, wanted[name] - rows)),
            "extra": sorted(map(str, rows - wanted[name])),
        }
        for name, rows in found.items()
        if rows != wanted[name]
    }
    for name, two in differing.items():
        print(f"   {name}:", *(f"{which} {len(rows)}" for which, rows in two.items()))
        for which, rows in two.items():
            print(*(f"      {which} {row}" for row in rows[:6]), sep="\n")
    assert sorted(differing) == []


def is_sound(workspace_id: int) -> None:
    streams = SyncStream.objects.filter(workspace_id=workspace_id)
    assert list(streams.exclude(last_error="").values_list("mailbox__address", "kind", "last_error")) == []
    quarantined = QuarantinedItem.objects.filter(workspace_id=workspace_id)
    assert list(quarantined.values_list("stream__mailbox__address", "reason")) == []
    assert list(differences(workspace_id, now=timezone.now())) == []


def again(workspace_id: int) -> None:
    """A second run of every stream changes nothing."""
    before = everything()
    for mailbox in Mailbox.objects.filter(workspace_id=workspace_id).order_by("pk"):
        sync(mailbox)
    assert everything() == before


def has_one_row_each(workspace_id: int) -> None:
    """A message for each mail with a Message-ID, and a copy for each mailbox that holds one."""
    copies = MessageCopy.objects.filter(workspace_id=workspace_id)
    skipped = SkippedItem.objects.filter(workspace_id=workspace_id, stream__kind=StreamKind.MAIL)
    held = sum(len(letters) for letters in world().letters.values())
    assert copies.count() + skipped.count() == held
    shared = EmailMessage.objects.filter(workspace_id=workspace_id).annotate(
        copies_of_it=Count("copies"), holders=Count("copies__mailbox", distinct=True)
    )
    assert not shared.exclude(copies_of_it=F("holders")).exists()
    assert shared.filter(holders__gt=1).count() > len(world().drafts) // 10


@pytest.mark.parametrize("way", OTHERS)
def test_a_way_gives_what_files_give(ways: Ways, baseline: dict[str, Rows], way: str) -> None:
    workspace = read(ways, f"by-{way}", dict.fromkeys(MEMBERS, way))

    is_sound(workspace)
    compare(dump(workspace), baseline)
    again(workspace)
    has_one_row_each(workspace)


@pytest.mark.parametrize("mixed", MIXED, ids="-".join)
def test_members_of_different_providers_share_what_files_give(
    ways: Ways, baseline: dict[str, Rows], mixed: tuple[str, str, str]
) -> None:
    workspace = read(ways, "-".join(mixed), dict(zip(MEMBERS, mixed, strict=True)))

    is_sound(workspace)
    compare(dump(workspace), baseline)
    again(workspace)
    has_one_row_each(workspace)
