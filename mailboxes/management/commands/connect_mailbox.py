import getpass
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.management.lookup import find_member
from mailboxes.connecting import connect_servers
from mailboxes.opening import egress
from mailboxes.providers import caldav, imap
from mailboxes.providers.base import ProviderError

NAMES = {"imap": "IMAP", "caldav": "CalDAV"}
DEFAULT_PORTS = {"tls": 993, "starttls": 143, "none": 143}


class Command(BaseCommand):
    help = (
        "Connect a member's IMAP and CalDAV account. "
        "The password comes from the variable MAILBOX_PASSWORD or is asked for; "
        "CALDAV_PASSWORD is needed only where the calendar has one of its own."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the workspace")
        parser.add_argument("member", help="the member's e-mail address")
        parser.add_argument("--address", help="the account's own address (default: the member's)")
        parser.add_argument("--username", help="what the servers know the account by (default: the address)")
        parser.add_argument("--alias", action="append", default=[], help="another address of it")
        parser.add_argument("--imap", metavar="HOST")
        parser.add_argument("--imap-port", type=int)
        parser.add_argument(
            "--security",
            choices=list(DEFAULT_PORTS),
            default="tls",
            help="none works only in networks that EGRESS_ALLOWED_NETWORKS names",
        )
        parser.add_argument("--caldav", metavar="URL")

    def handle(self, *args: Any, **options: Any) -> None:
        member = find_member(options["slug"], options["member"])
        if not (options["imap"] or options["caldav"]):
            raise CommandError("Name a server: --imap HOST, --caldav URL, or both.")
        address = options["address"] or member.user.email
        username = options["username"] or address
        password = os.environ.get("MAILBOX_PASSWORD") or _ask(address)
        passwords = {"imap": password, "caldav": os.environ.get("CALDAV_PASSWORD") or password}
        servers = {"imap": _imap_settings(options, username), "caldav": _caldav_settings(options, username)}
        for name, server in servers.items():
            if server:
                self._check(name, server, passwords[name])
        try:
            connect_servers(member, address=address, passwords=passwords, aliases=options["alias"], **servers)
        except (ProviderError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{address} is connected; reading begins within a minute.")

    def _check(self, name: str, server: dict[str, Any], password: str) -> None:
        """Sign in and read one item end to end, so that what is wrong is said now."""
        if name == "imap":
            mail = imap.check(**server, password=password, egress=egress())
            failed, problem = mail.failed, mail.problem
            found = f"{mail.messages:,} messages in {', '.join(mail.folders)}"
        else:
            events = caldav.check(**server, password=password, egress=egress())
            failed, problem = events.failed, events.problem
            found = ", ".join(events.calendars)
        if failed:
            raise CommandError(f"{NAMES[name]}, to {failed}: {problem}")
        self.stdout.write(f"{NAMES[name]}: {found or 'nothing there yet'}")


def _imap_settings(options: dict[str, Any], username: str) -> dict[str, Any] | None:
    if not options["imap"]:
        return None
    security = options["security"]
    return {
        "host": options["imap"],
        "port": options["imap_port"] or DEFAULT_PORTS[security],
        "security": security,
        "username": username,
    }


def _caldav_settings(options: dict[str, Any], username: str) -> dict[str, Any] | None:
    return {"url": options["caldav"], "username": username} if options["caldav"] else None


def _ask(address: str) -> str:
    if not sys.stdin.isatty():
        raise CommandError("Give the password in the variable MAILBOX_PASSWORD.")
    return getpass.getpass(f"Password of {address}: ")
