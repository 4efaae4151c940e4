"""A synthetic workspace of any size, fed through the product's own storing path from parsed values
with 2 kB bodies, record creation on, in pages of 500 from mailboxes taken in turn."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from django.db import transaction

from crm.claiming import claim
from crm.locking import lock_workspace_for_storing
from crm.models import InternalDomain, Member, User, Workspace
from mailboxes.ingesting.events import SourceItem
from mailboxes.ingesting.mail import MailItem, mail_item
from mailboxes.models import Mailbox, MailboxKind
from mailboxes.parsing.values import NamedAddress, ParsedAttendee, ParsedEvent, ParsedMail
from mailboxes.reading import Page, Reader, reader, store_values

MEMBERS = 20
PAGE = 500
# Pages stored after filling are spread over as many days as so many would have taken.
LATE_PAGES = 16
YEARS = 3
DOMAIN = "bench.example"
BODY = "Thank you for the drawings, we will look at them on Monday. " * 34


@dataclass(slots=True)
class Drawing:
    """Whose mailbox a page is read from, whom it is with and when. With one of the first so many companies,
    five people each, visited unevenly; within the time just gone that `late` says, else each older than
    the one before it in its mailbox."""

    random: Random
    companies: int
    late: timedelta | None = None

    def person(self) -> NamedAddress:
        company = int(self.companies * self.random.random() ** 2)
        number = self.random.randrange(5)
        return NamedAddress(f"person{number}@company{company}.example", f"Robin Number {number}")


def companies_of(interactions: int) -> int:
    """How many there are to talk to in a workspace of so many: one for every fifty."""
    return max(interactions // 50, 100)


class World:
    """A workspace that is to have so many interactions."""

    def __init__(self, *, interactions: int, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC).replace(microsecond=0)
        self.size = interactions
        self.pace = timedelta(days=365 * YEARS) / interactions
        random, companies = Random(interactions), companies_of(interactions)  # noqa: S311 (repeatable, not secret)
        self.history = Drawing(random, companies)
        self.lately = Drawing(random, companies, self.pace * LATE_PAGES * PAGE)
        self.just_now = Drawing(random, companies, timedelta(hours=1))
        self.sequence = 0
        self.workspace = Workspace.objects.create(slug=f"bench-{interactions}", name="Bench", default_level=1)
        InternalDomain.objects.create(workspace=self.workspace, domain=DOMAIN)
        self.readers = [self._reader(number) for number in range(MEMBERS)]
        self.reach = {reader.mailbox.pk: self.now for reader in self.readers}

    def fill(self) -> None:
        """Four e-mails to one meeting, until there are as many as asked for."""
        while self.sequence < self.size:
            self.store(*self.page(self.history))

    def page(self, drawing: Drawing, *, size: int = PAGE) -> tuple[Reader, Page]:
        reader = drawing.random.choice(self.readers)
        events = size // 5
        mail = [self._mail(reader, drawing) for _ in range(size - events)]
        sources = [self._event(reader, drawing) for _ in range(events)]
        return reader, Page(mail=mail, sources=sources)

    def store(self, reader: Reader, page: Page) -> None:
        with transaction.atomic():
            lock_workspace_for_storing(self.workspace.pk)
            store_values(reader, page)

    def message(self) -> tuple[Reader, Page]:
        """One live message, now."""
        reader = self.just_now.random.choice(self.readers)
        return reader, Page(mail=[self._mail(reader, self.just_now)])

    def _reader(self, number: int) -> Reader:
        user, _ = User.objects.get_or_create(
            email=f"member{number}@{DOMAIN}", defaults={"name": f"Member {number}"}
        )
        member = Member.objects.create(workspace=self.workspace, user=user)
        mailbox = Mailbox.objects.create(
            workspace=self.workspace, member=member, kind=MailboxKind.ARCHIVE, address=user.email
        )
        mailbox.claim(claim(member, [user.email]))
        return reader(mailbox.pk, self.now)

    def _moment(self, reader: Reader, drawing: Drawing) -> datetime:
        if drawing.late:
            return self.now - drawing.late * drawing.random.random()
        self.reach[reader.mailbox.pk] -= self.pace * MEMBERS * drawing.random.random() * 2
        return self.reach[reader.mailbox.pk]

    def _mail(self, reader: Reader, drawing: Drawing) -> MailItem:
        self.sequence += 1
        me = NamedAddress(reader.mailbox.address, "A Member")
        people = tuple({drawing.person() for _ in range(1 + (drawing.random.random() < 0.3))})
        is_sent = drawing.random.random() < 0.45
        mail = ParsedMail(
            message_id=f"{self.sequence}@{self.size}.bench",
            in_reply_to="",
            references=(f"thread{self.sequence // 4}@{self.size}.bench",),
            sender=(me,) if is_sent else people[:1],
            reply_to=(),
            to=people if is_sent else (me,),
            cc=() if is_sent else people[1:],
            bcc=(),
            date=self._moment(reader, drawing),
            received=None,
            subject=f"Drawings, version {self.sequence}",
            category="contact",
            headers="X-Header: value\n" * 20,
            text=BODY,
            html="",
            attachments=(),
        )
        return mail_item(
            mail,
            mailbox=reader.mailbox,
            own_emails=reader.own_emails,
            provider_id=str(self.sequence),
            size=4000,
            by_provider=mail.date,
            now=self.now,
        )

    def _event(self, reader: Reader, drawing: Drawing) -> SourceItem:
        self.sequence += 1
        starts = self.now - timedelta(days=drawing.random.uniform(-14, 365 * YEARS))
        me, other = reader.mailbox.address, drawing.person()
        event = ParsedEvent(
            uid=f"{self.sequence}@{self.size}.bench",
            recurrence_id=None,
            organiser=NamedAddress(me),
            title="Review",
            location="",
            description="",
            conference_url="",
            starts_at=starts,
            ends_at=starts + timedelta(hours=1),
            all_day=False,
            timezone="UTC",
            status="confirmed",
            sequence=0,
            last_modified=None,
            attendees=(
                ParsedAttendee(me, "", "accepted"),
                ParsedAttendee(other.email, other.name, "accepted"),
            ),
        )
        return SourceItem(f"event{self.sequence}", "1", b"", "UTC", (event,), None)
