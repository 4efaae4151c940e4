"""A workspace at work: members with mailboxes, and mail and meetings put into them as parsed
values through the product's own storing path."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.db import transaction

from crm.claiming import claim
from crm.locking import lock_workspace_for_storing
from crm.models import InternalDomain, Member, User, Workspace
from mailboxes.ingesting.events import SourceItem
from mailboxes.ingesting.mail import mail_item
from mailboxes.models import Mailbox, MailboxKind, StreamKind, SyncStream
from mailboxes.parsing.values import NamedAddress, ParsedAttendee, ParsedEvent, ParsedMail
from mailboxes.reading import Page, Reader, reader, store_values
from mailboxes.removing import remove_mail, remove_sources

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOME = "halyard.example"


class Desk:
    def __init__(self, slug: str = "halyard", *, enhanced: bool = True) -> None:
        self.now = NOW
        self.workspace = Workspace.objects.create(slug=slug, name=slug.title(), enhanced_creation=enhanced)
        InternalDomain.objects.create(workspace=self.workspace, domain=HOME)
        self.members: dict[str, Member] = {}
        self.mailboxes: dict[str, Mailbox] = {}
        for name in ("ada", "ben", "cleo"):
            self.join(name)

    def join(self, name: str) -> Member:
        user, _ = User.objects.get_or_create(email=f"{name}@{HOME}", defaults={"name": name.title()})
        member = Member.objects.create(workspace=self.workspace, user=user)
        self.members[name] = member
        self.connect(name)
        return member

    def connect(self, name: str) -> Mailbox:
        member = self.members[name]
        mailbox = Mailbox.objects.create(
            workspace=self.workspace,
            member=member,
            kind=MailboxKind.ARCHIVE,
            address=member.user.email,
        )
        mailbox.claim(claim(member, [mailbox.address]))
        SyncStream.objects.bulk_create(
            SyncStream(workspace=self.workspace, mailbox=mailbox, kind=kind) for kind in StreamKind
        )
        self.mailboxes[name] = mailbox
        return mailbox

    def reader(self, name: str) -> Reader:
        return reader(self.mailboxes[name].pk, self.now)

    def put(self, name: str, *mails: ParsedMail) -> None:
        """Into this member's mailbox; a mail's id there is its Message-ID."""
        reader = self.reader(name)
        items = [
            mail_item(
                mail,
                mailbox=reader.mailbox,
                own_emails=reader.own_emails,
                provider_id=mail.message_id,
                size=1000,
                by_provider=None,
                now=self.now,
            )
            for mail in mails
        ]
        self._store(reader, Page(mail=items))

    def schedule(self, name: str, *events: ParsedEvent) -> None:
        """Into this member's calendar; a resource holds the events of one UID."""
        by_uid: dict[str, list[ParsedEvent]] = {}
        for event in events:
            by_uid.setdefault(event.uid, []).append(event)
        sources = [
            SourceItem(uid, "1", b"raw", "UTC", tuple(together), None) for uid, together in by_uid.items()
        ]
        self._store(self.reader(name), Page(sources=sources))

    def trash(self, name: str, *message_ids: str) -> None:
        with self._locked():
            remove_mail(self.mailboxes[name], message_ids, now=self.now)

    def unschedule(self, name: str, *uids: str) -> None:
        with self._locked():
            remove_sources(self.mailboxes[name], uids, now=self.now)

    def _store(self, reader: Reader, page: Page) -> None:
        with self._locked():
            store_values(reader, page)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with transaction.atomic():
            lock_workspace_for_storing(self.workspace.pk)
            yield


def mail(
    message_id: str,
    sender: str,
    to: str | list[str],
    *,
    at: datetime = NOW - timedelta(days=1),
    cc: list[str] | None = None,
    category: str = "contact",
    in_reply_to: str = "",
    references: tuple[str, ...] = (),
    subject: str = "Plans",
    reply_to: str = "",
) -> ParsedMail:
    """Addresses as `ada@halyard.example` or `Ada Byron <ada@halyard.example>`."""
    return ParsedMail(
        message_id=message_id,
        in_reply_to=in_reply_to,
        references=references,
        sender=(named(sender),),
        reply_to=(named(reply_to),) if reply_to else (),
        to=tuple(map(named, [to] if isinstance(to, str) else to)),
        cc=tuple(map(named, cc or [])),
        bcc=(),
        date=at,
        received=at,
        subject=subject,
        category=category,
        headers="",
        text="Hello",
        html="",
        attachments=(),
    )


def meeting(
    uid: str,
    organiser: str,
    responses: dict[str, str],
    *,
    at: datetime,
    status: str = "confirmed",
    sequence: int = 0,
    recurrence_id: datetime | None = None,
    all_day: bool = False,
) -> ParsedEvent:
    return ParsedEvent(
        uid=uid,
        recurrence_id=recurrence_id,
        organiser=named(organiser),
        title="Review",
        location="",
        description="",
        conference_url="",
        starts_at=at,
        ends_at=at + timedelta(hours=1),
        all_day=all_day,
        timezone="UTC",
        status=status,
        sequence=sequence,
        last_modified=None,
        attendees=tuple(
            ParsedAttendee(one.email, one.name, response)
            for one, response in ((named(who), answer) for who, answer in responses.items())
        ),
    )


def named(text: str) -> NamedAddress:
    name, bracket, email = text.rpartition("<")
    return NamedAddress(email.rstrip(">"), name.strip()) if bracket else NamedAddress(text)
