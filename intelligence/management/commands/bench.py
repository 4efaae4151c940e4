from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from intelligence.bench import emails, ingest, pages, sync, table


class Command(BaseCommand):
    help = "Measure, on a database of its own that is dropped afterwards; one JSON line per figure."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["ingest", "table", "emails", "pages", "sync"])
        parser.add_argument(
            "--sizes",
            nargs="+",
            type=int,
            help="ingest: interactions (100000 1000000); table and pages: companies, five people "
            "each (100000); emails: messages of the larger company (20000); sync: messages (3000)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        own = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            if options["what"] == "ingest":
                ingest.run(options["sizes"] or [100_000, 1_000_000])
            elif options["what"] == "sync":
                for messages in options["sizes"] or [3000]:
                    sync.run(messages)
            elif options["what"] == "emails":
                for messages in options["sizes"] or [20_000]:
                    emails.run(messages)
            elif options["what"] == "pages":
                for companies in options["sizes"] or [100_000]:
                    pages.run(companies)
            else:
                for companies in options["sizes"] or [100_000]:
                    table.run(companies, 5 * companies)
        finally:
            connection.creation.destroy_test_db(own, verbosity=0)
