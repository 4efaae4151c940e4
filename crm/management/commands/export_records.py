import csv
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.exporting import export_lines
from crm.models import Workspace
from crm.records import BY_PLURAL


class Command(BaseCommand):
    help = "Print a workspace's companies or people as CSV."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the workspace")
        parser.add_argument("plural", choices=list(BY_PLURAL))

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(slug=options["slug"]).first()
        if workspace is None:
            raise CommandError(f"There is no workspace “{options['slug']}”.")
        writer = csv.writer(self.stdout)
        writer.writerows(export_lines(workspace, BY_PLURAL[options["plural"]], now=timezone.now()))
