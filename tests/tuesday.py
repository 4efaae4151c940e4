"""Feeds "A Tuesday inbox" (tests/payloads/tuesday) through the archive provider and the sync engine."""

import json
import mailbox as mailboxes_of_python
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crm.models import InternalDomain, Member, Role, Workspace
from crm.workspaces import add_member
from mailboxes.accounts.connecting import connect
from mailboxes.models import Mailbox, MailboxKind
from mailboxes.reading import Counts
from mailboxes.running import run_now

FOLDER = Path(__file__).parent / "payloads" / "tuesday"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def load(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / name).read_text("utf-8"))


def make_workspace() -> dict[str, Member]:
    """The workspace and its members, by their keys."""
    manifest = load("manifest.json")
    wanted = manifest["workspace"]
    workspace = Workspace.objects.create(slug=wanted["slug"], name=wanted["name"])
    for domain in wanted["internal_domains"]:
        InternalDomain.objects.create(workspace=workspace, domain=domain)
    return {
        one["key"]: add_member(workspace, one["email"], name=one["name"], role=Role(one["role"]))
        for one in manifest["members"]
    }


def feed(members: dict[str, Member], folder: Path, *, order: list[str]) -> dict[str, dict[str, Counts]]:
    """Read the mailboxes in this order of members; returns what each stream counted."""
    described = {one["member"]: one for one in load("manifest.json")["mailboxes"]}
    counts = {}
    for key in order:
        connected = _connect(members[key], described[key], folder)
        counts[key] = {stream.kind: run_now(stream) for stream in connected.streams.order_by("kind")}
    return counts


def _connect(member: Member, described: dict[str, Any], folder: Path) -> Mailbox:
    source = FOLDER / described["member"]
    mbox = folder / f"{described['member']}.mbox"
    if not mbox.exists():
        _write_mbox(mbox, [source / name for name in described["messages"]])
    return connect(
        member,
        kind=MailboxKind.ARCHIVE,
        address=described["address"],
        aliases=described["aliases"],
        settings={"mbox": [str(mbox)], "ics": [str(source / name) for name in described["events"]]},
    )


def _write_mbox(path: Path, messages: list[Path]) -> None:
    box = mailboxes_of_python.mbox(path)
    for message in messages:
        box.add(message.read_bytes())
    box.close()
