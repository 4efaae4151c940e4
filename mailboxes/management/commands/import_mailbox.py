from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.management.lookup import find_member
from crm.models import Member
from mailboxes.accounts.connecting import connect
from mailboxes.management.summary import read_errors, summarised
from mailboxes.models import Mailbox, MailboxKind
from mailboxes.running import run_now

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
        self.stdout.write(summarised(mailbox, counts, as_json=options["json"]))
        if errors := read_errors(mailbox):
            raise CommandError(" ".join(errors))


def _connect(member: Member, options: dict[str, Any]) -> Mailbox:
    named = {name: [path.resolve() for group in options[name] for path in group] for name in FILES}
    if not any(named.values()):
        raise CommandError("Name at least one file: --mbox, --maildir or --ics.")
    if missing := [str(path) for paths in named.values() for path in paths if not path.exists()]:
        raise CommandError(f"Not there: {', '.join(missing)}. Nothing was changed.")
    try:
        return connect(
            member,
            kind=MailboxKind.ARCHIVE,
            address=options["address"] or member.user.email,
            aliases=options["alias"],
            settings={name: [str(path) for path in paths] for name, paths in named.items()},
        )
    except ValueError as error:
        raise CommandError(str(error)) from None
