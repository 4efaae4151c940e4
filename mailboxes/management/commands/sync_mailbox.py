from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.addresses import normalise
from mailboxes.management.summary import read_errors, summarised
from mailboxes.models import Mailbox
from mailboxes.running import Busy, run_now


class Command(BaseCommand):
    help = "Read a connected mailbox now."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        mailboxes = Mailbox.objects.connected().filter(address=normalise(options["address"]) or "")
        if not mailboxes:
            raise CommandError(f"No mailbox {options['address']} is connected.")
        for mailbox in mailboxes:
            self._sync(mailbox, as_json=options["json"])

    def _sync(self, mailbox: Mailbox, *, as_json: bool) -> None:
        if not mailbox.member.is_active:
            raise CommandError(f"The member of {mailbox.address} is deactivated: it is not read.")
        streams = [one for one in mailbox.streams.order_by("-kind") if mailbox.reads(one.kind)]
        try:
            counts = {one.kind: run_now(one) for one in streams}
        except Busy as error:
            raise CommandError(str(error)) from None
        self.stdout.write(summarised(mailbox, counts, as_json=as_json))
        if errors := read_errors(mailbox):
            raise CommandError(" ".join(errors))
