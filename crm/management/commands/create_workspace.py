from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_slug

from crm.models.workspace import refuse_reserved_slug
from crm.workspaces import NotAnAddress, create_workspace


class Command(BaseCommand):
    help = "Create a workspace and its first admin; run again, it brings them up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="its place in addresses: /SLUG/companies/")
        parser.add_argument("--name", required=True)
        parser.add_argument("--admin", required=True, metavar="EMAIL")
        parser.add_argument("--password", help="without one the admin cannot sign in yet")
        parser.add_argument("--staff", action="store_true", help="the admin is also an operator")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_slug(options["slug"])
            refuse_reserved_slug(options["slug"])
            workspace = create_workspace(
                options["slug"],
                name=options["name"],
                admin_email=options["admin"],
                password=options["password"],
                is_operator=options["staff"],
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except NotAnAddress as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{workspace.name}: /{workspace.slug}/companies/")
