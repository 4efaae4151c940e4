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

DEFAULT_PORTS = {"tls": 993, "starttls": 143, "none": 143}


class Command(BaseCommand):
    help = (
        "Connect a member's IMAP and CalDAV account. "
        "The password comes from the variable MAILBOX_PASSWORD or is asked for."
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
        mail = _imap_settings(options, username)
        calendar = {"url": options["caldav"], "username": username} if options["caldav"] else None
        try:
            self._check(mail, calendar, password)
            connect_servers(
                member,
                address=address,
                password=password,
                imap=mail,
                caldav=calendar,
                aliases=options["alias"],
            )
        except (ProviderError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{address} is connected; reading begins within a minute.")

    def _check(self, mail: dict[str, Any] | None, calendar: dict[str, Any] | None, password: str) -> None:
        """Sign in and read one item end to end, so that what is wrong is said now."""
        if mail:
            found = imap.check(**mail, password=password, egress=egress())
            self.stdout.write(f"IMAP: {found}")
        if calendar:
            checked = caldav.check(**calendar, password=password, egress=egress())
            if checked.failed:
                raise CommandError(f"CalDAV, to {checked.failed}: {checked.problem}")
            self.stdout.write(f"CalDAV: {', '.join(checked.calendars) or 'no calendars'}")


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


def _ask(address: str) -> str:
    if not sys.stdin.isatty():
        raise CommandError("Give the password in the variable MAILBOX_PASSWORD.")
    return getpass.getpass(f"Password of {address}: ")
