import time
from argparse import ArgumentParser
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm.models import Company, Member, Person, Role, User, Workspace
from crm.project.environment import DATA_DIR
from crm.workspaces import add_member, create_workspace
from intelligence.demo.building import NAME, SLUG, Account, Demo, build
from intelligence.demo.cast import members
from intelligence.demo.facts import write_down
from intelligence.demo.files import write
from intelligence.demo.sharing import share
from intelligence.demo.views import save_views
from mailboxes.accounts.connecting import connect
from mailboxes.models import (
    CalendarEvent,
    EmailMessage,
    Mailbox,
    MailboxKind,
    StreamKind,
    SyncStream,
)
from mailboxes.reading import Counts
from mailboxes.running import Busy, run_now

# On purpose no secret: it opens made-up mail, and is printed.
PASSWORD = "halyard-demo"  # noqa: S105


class Command(BaseCommand):
    help = "Make a workspace of made-up people with two years of mail and meetings, to look around in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", nargs="?", default=SLUG, help=f"the workspace (default: {SLUG})")
        parser.add_argument("--day", type=date.fromisoformat, help="the day it leads up to (default: today)")
        parser.add_argument("--scale", type=float, default=1.0, help="less than 1 for fewer companies")
        parser.add_argument("--password", default=PASSWORD, help=f"everybody's (default: {PASSWORD})")

    def handle(self, *args: Any, **options: Any) -> None:
        slug, password = options["slug"], options["password"]
        begun = _begun(slug)
        if _is_complete(slug):
            self.stdout.write(f"The demo workspace “{slug}” is there already, with its mail.")
            self._say_sign_ins(password)
            return
        clock = datetime.now(UTC)
        demo = self._built(begun or options["day"] or clock.date(), clock, scale=options["scale"])
        joined = _join(slug, password)
        for account in demo.accounts:
            self._read(joined[account.member.email], account, _folder(slug, demo.day))
        founder = joined[members()[0].email]
        share(joined, clock)
        write_down(demo, founder.workspace_id)
        save_views(founder)
        self._report(slug, password)

    def _built(self, day: date, clock: datetime, *, scale: float) -> Demo:
        started = time.monotonic()
        demo = build(day, now=clock if day == clock.date() else None, scale=scale)
        copies = sum(len(account.mail) for account in demo.accounts)
        self.stdout.write(
            f"Wrote {copies:,} letters between {len(demo.accounts)} members, {len(demo.people)} people "
            f"and {len(demo.companies)} companies in {time.monotonic() - started:.1f} s."
        )
        return demo

    def _read(self, member: Member, account: Account, folder: Path) -> None:
        started = time.monotonic()
        mailbox = connect(
            member,
            kind=MailboxKind.ARCHIVE,
            address=account.member.email,
            aliases=account.member.aliases,
            settings=write(account, folder),
        )
        try:
            mail, calendar = (self._run(mailbox, kind) for kind in (StreamKind.MAIL, StreamKind.CALENDAR))
        except Busy as busy:
            self.stdout.write(str(busy))
            return
        self.stdout.write(
            f"{account.member.name}: {mail.stored:,} messages and {calendar.stored:,} calendar entries "
            f"in {time.monotonic() - started:.1f} s"
        )

    def _run(self, mailbox: Mailbox, kind: StreamKind) -> Counts:
        stream = SyncStream.objects.get(mailbox=mailbox, kind=kind)
        counts = run_now(stream)
        stream.refresh_from_db()
        if stream.last_error:
            raise CommandError(stream.last_error)
        return counts

    def _report(self, slug: str, password: str) -> None:
        workspace = Workspace.objects.get(slug=slug)
        stored = {
            model._meta.verbose_name_plural: model._default_manager.filter(workspace=workspace).count()
            for model in (Company, Person, EmailMessage, CalendarEvent)
        }
        words = ", ".join(f"{number:,} {name}" for name, number in stored.items())
        self.stdout.write(f"“{workspace.name}” holds {words}.")
        self._say_sign_ins(password)

    def _say_sign_ins(self, password: str) -> None:
        """Unless somebody has changed the founder's password since."""
        founder, *_ = members()
        if not User.objects.get(email=founder.email).check_password(password):
            return
        self.stdout.write(f"Sign in with the password “{password}” as:")
        for one in members():
            self.stdout.write(f"  {one.email}  {one.name}, {one.title}")


def _folder(slug: str, day: date) -> Path:
    return DATA_DIR / "demo" / slug / day.isoformat()


def _begun(slug: str) -> date | None:
    """The day of a demo that was begun before, so that one cut short is gone on with. Refuses a
    workspace where somebody is at work."""
    emails = [one.email for one in members()]
    mailboxes = Mailbox.objects.filter(workspace__slug=slug)
    ours = mailboxes.filter(kind=MailboxKind.ARCHIVE, member__user__email__in=emails).first()
    if not mailboxes.exists():
        return None
    try:
        return date.fromisoformat(Path(ours.settings["mbox"][0]).parent.name if ours else "")
    except (KeyError, IndexError, ValueError):
        message = f"The workspace “{slug}” has mailboxes of its own. Choose another name."
        raise CommandError(message) from None


def _is_complete(slug: str) -> bool:
    emails = [one.email for one in members()]
    read = SyncStream.objects.filter(
        workspace__slug=slug, mailbox__address__in=emails, backfilled_at__isnull=False
    )
    return read.count() >= len(emails) * len(StreamKind)


def _join(slug: str, password: str) -> dict[str, Member]:
    founder, *others = members()
    workspace = create_workspace(slug, name=NAME, admin_email=founder.email, password=password)
    joined = {
        founder.email: add_member(workspace, founder.email, role=Role.ADMIN, name=founder.name),
    }
    for one in others:
        joined[one.email] = add_member(workspace, one.email, name=one.name, password=password)
    return joined
