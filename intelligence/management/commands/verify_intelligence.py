from argparse import ArgumentParser
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from crm.management.lookup import find_workspace
from crm.models import Workspace
from intelligence.verifying import differences

SHOWN = 50


class Command(BaseCommand):
    help = "Recompute every stored answer from the messages and events; exit 1 if any differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", nargs="?", help="one workspace (default: all)")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["slug"]
        workspaces = [find_workspace(slug)] if slug else Workspace.objects.order_by("slug")
        wrong = sum(self._verify(workspace) for workspace in workspaces)
        if wrong:
            raise CommandError(f"{wrong} stored answers differ.")

    def _verify(self, workspace: Workspace) -> int:
        found = list(differences(workspace.pk, now=timezone.now()))
        for kind, pk, what, should, stored in islice(found, SHOWN):
            self.stdout.write(f"{workspace.slug} {kind}:{pk} {what}: {stored} should be {should}")
        self.stdout.write(f"{workspace.slug}: {len(found)} differences")
        return len(found)
