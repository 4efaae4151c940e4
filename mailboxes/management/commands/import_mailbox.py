import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.management.lookup import find_member
from crm.models import Member
from mailboxes.accounts.connecting import connect
from mailboxes.models import Mailbox, MailboxKind, SyncStream
from mailboxes.reading import Counts
from mailboxes.running import report, run_now

FILES = ("mbox", "maildir", "ics")


class Command(BaseCommand):
    help = "Read mail and calendar files into a member's mailbox of kind archive."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the workspace")
        parser.add_argument("member", help="the member's e-mail address")
        parser.add_argument("--address", help="the archive's own address (default: the member's)")
        parser.add_argument("--alias", action="append", default=[], help="another address of it")
        for name in FILES:
            parser.add_argument(f"--{name}", action="append", nargs="+", default=[], type=Path)
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        member = find_member(options["slug"], options["member"])
        mailbox = _connect(member, options)
        counts = {stream.kind: run_now(stream) for stream in mailbox.streams.order_by("-kind")}
        self._print(mailbox, counts, as_json=options["json"])
        failed = [s.last_error for s in SyncStream.objects.filter(mailbox=mailbox) if s.last_error]
        if failed:
            raise CommandError(" ".join(failed))

    def _print(self, mailbox: Mailbox, counts: dict[str, Counts], *, as_json: bool) -> None:
        summary = {kind: report(done) for kind, done in counts.items()}
        if as_json:
            self.stdout.write(json.dumps({"mailbox": mailbox.address, **summary}))
            return
        for kind, done in summary.items():
            skipped = ", ".join(f"{n} {reason}" for reason, n in done["skipped"].items()) or "0"
            self.stdout.write(
                f"{kind}: {done['fetched']} fetched, {done['stored']} stored, "
                f"skipped: {skipped}, {done['quarantined']} quarantined"
            )


def _connect(member: Member, options: dict[str, Any]) -> Mailbox:
    files = {name: [str(path.resolve()) for group in options[name] for path in group] for name in FILES}
    if not any(files.values()):
        raise CommandError("Name at least one file: --mbox, --maildir or --ics.")
    try:
        return connect(
            member,
            kind=MailboxKind.ARCHIVE,
            address=options["address"] or member.user.email,
            aliases=options["alias"],
            settings=files,
        )
    except ValueError as error:
        raise CommandError(str(error)) from None
