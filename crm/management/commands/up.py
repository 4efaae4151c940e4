import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from crm import embedded, running
from crm.models import Workspace


class Command(BaseCommand):
    help = "Start everything on this machine: databases, web, worker, timetable, and a demo workspace."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--no-demo", action="store_true", help="begin with an empty installation")

    def handle(self, *args: Any, **options: Any) -> None:
        port = options["port"]
        if not 0 < port < 65_536:
            raise CommandError(f"There is no port {port}. Choose one from 1024 to 65535.")
        with running.only_one():
            try:
                running.end_left_behind()
                self._refuse_busy(port)
                self._prepare(with_demo=not options["no_demo"])
                self._greet(port)
                sys.exit(running.run_processes(port))
            finally:
                embedded.stop()

    def _refuse_busy(self, port: int) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise CommandError(
                    f"Port {port} is in use. Stop what is using it, or choose another: "
                    f"make run PORT={port + 1}"
                ) from None

    def _prepare(self, *, with_demo: bool) -> None:
        if embedded.home().is_elsewhere():
            self.stdout.write(f"Data is kept under {embedded.home().folder}.")
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        # Begun and cut short, it is gone on with.
        has_begun = (embedded.data_folder() / "demo").exists()
        if with_demo and (has_begun or not Workspace.objects.exists()):
            call_command("seed_demo", stdout=self.stdout)

    def _greet(self, port: int) -> None:
        self.stdout.write(f"\n{settings.PRODUCT_NAME}: http://127.0.0.1:{port}/")
        self.stdout.write("Ctrl-C stops everything.\n")
        self.stdout.flush()
