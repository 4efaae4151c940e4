import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from crm.surfaces import surfaces


class Command(BaseCommand):
    help = "List every route with its access policy and whether it can hold mail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON array")

    def handle(self, *args: Any, **options: Any) -> None:
        found = surfaces()
        if options["json"]:
            self.stdout.write(json.dumps([asdict(one) for one in found], indent=1))
            return
        for one in found:
            self.stdout.write(f"{one.policy:10} {one.tag:8} {one.route}")
