import getpass
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.addresses import normalise
from crm.management.lookup import find_member
from crm.models import Member
from mailboxes.accounts.connecting import connect_servers
from mailboxes.accounts.refusing import refuse
from mailboxes.accounts.trying import DEFAULT_PORTS, Servers, Tried, calendar_server, mail_server, try_servers
from mailboxes.models import Mailbox, MailboxKind

NAMES = {"imap": "IMAP", "caldav": "CalDAV"}


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
        try:
            self._connect(member, options["address"] or member.user.email, options)
        except ValueError as error:
            raise CommandError(str(error)) from error

    def _connect(self, member: Member, address: str, options: dict[str, Any]) -> None:
        own = [normalise(email) or email for email in (address, *options["alias"])]
        refuse(member, kind=MailboxKind.IMAP, addresses=own)
        servers = _servers(options, options["username"] or address)
        password = os.environ.get("MAILBOX_PASSWORD") or _ask(address)
        passwords = {"imap": password, "caldav": os.environ.get("CALDAV_PASSWORD") or password}
        known = Mailbox.objects.owned_by(member).filter(kind=MailboxKind.IMAP, address=own[0]).first()
        for one in try_servers(Servers(servers.imap, servers.caldav, passwords), known=known):
            self._say(one)
        connect_servers(
            member,
            address=address,
            passwords=passwords,
            imap=servers.imap,
            caldav=servers.caldav,
            aliases=options["alias"],
            is_vouched_for=True,
        )
        self.stdout.write(f"{address} is connected; reading begins within a minute.")

    def _say(self, tried: Tried) -> None:
        if tried.failed:
            raise CommandError(f"{NAMES[tried.name]}, to {tried.failed}: {tried.problem}")
        self.stdout.write(f"{NAMES[tried.name]}: {tried.found or 'nothing there yet'}")


def _servers(options: dict[str, Any], username: str) -> Servers:
    imap = mail_server(
        options["imap"] or "", security=options["security"], port=options["imap_port"], username=username
    )
    caldav = calendar_server(options["caldav"], username=username) if options["caldav"] else None
    return Servers(imap if options["imap"] else None, caldav)


def _ask(address: str) -> str:
    if not sys.stdin.isatty():
        raise CommandError("Give the password in the variable MAILBOX_PASSWORD.")
    return getpass.getpass(f"Password of {address}: ")
