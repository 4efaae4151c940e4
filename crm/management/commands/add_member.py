from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.management.lookup import find_workspace
from crm.models import Role
from crm.workspaces import LastAdmin, NotAnAddress, add_member


class Command(BaseCommand):
    help = "Add somebody to a workspace; run again, it sets the role and the password that are given."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the workspace")
        parser.add_argument("email")
        parser.add_argument("--role", choices=Role.values, help="member, or what they are already")
        parser.add_argument("--password", help="without one they cannot sign in yet")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = find_workspace(options["slug"])
        role = Role(options["role"]) if options["role"] else None
        try:
            member = add_member(workspace, options["email"], role=role, password=options["password"])
        except (NotAnAddress, LastAdmin) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{member.user.email} is {member.get_role_display().lower()} of {workspace.name}.")
