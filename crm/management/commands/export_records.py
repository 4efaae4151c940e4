import csv
import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from crm.exporting import export_lines
from crm.management.lookup import find_workspace
from crm.records import BY_PLURAL


class Command(BaseCommand):
    help = "Print a workspace's companies or people as CSV."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the workspace")
        parser.add_argument("plural", choices=list(BY_PLURAL))

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = find_workspace(options["slug"])
        writer = csv.writer(self.stdout)
        try:
            writer.writerows(export_lines(workspace, BY_PLURAL[options["plural"]], now=timezone.now()))
            self.stdout.flush()
        except BrokenPipeError:
            # `| head` has seen enough; Python would complain once more when it closes what is left.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
