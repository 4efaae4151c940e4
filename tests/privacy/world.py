"""Mail whose every word is a canary, put into mailboxes through the product's own reading, shared by
the product's own verbs; and beside it the same state in the oracle's words."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage as Mime
from email.utils import format_datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.locking import lock_workspace_for_storing
from crm.models import AccessLevel, Company, Member, Person, Team, TeamMembership
from crm.workspaces import set_active
from mailboxes import blocking
from mailboxes.models import AccessRequest, EmailMessage, Mailbox, MessageCopy, Thread
from mailboxes.providers.base import FetchedMail
from mailboxes.reading import reader, store_values
from mailboxes.removing import remove
from mailboxes.sharing import granting
from mailboxes.sharing.requesting import ask
from tests.desk import HOME, NOW, Desk
from tests.privacy import oracle

CANARY = re.compile(r"(SUBJ|SNIP|BODY|HTML|ATTN|BCC|HDR)(\d{5})", re.IGNORECASE)
FILLER = " and so on" * 40


@dataclass(frozen=True)
class Letter:
    """One copy of a mail. `message` numbers the mail that it is a copy of, `thread` the mail that
    started the thread; both are its own number where it stands alone."""

    number: int
    holder: str
    sender: str
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    message: int = 0
    thread: int = 0
    in_reply_to: int = 0
    at: datetime = NOW - timedelta(days=1)
    is_html: bool = False
    subject: str = ""
    text: str = ""
    html: str = ""
    files: tuple[str, ...] | None = None
    bcc: str = ""
    header: str = ""

    @property
    def mail(self) -> int:
        return self.message or self.number

    @property
    def root(self) -> int:
        return self.thread or self.in_reply_to or self.mail

    @property
    def parties(self) -> frozenset[str]:
        emails = [self.sender, *self.to, *self.cc]
        outside = {one for one in emails if not one.endswith(f"@{HOME}")}
        return frozenset(outside | {".".join(one.split(".")[-2:]).rpartition("@")[2] for one in outside})

    def raw(self) -> bytes:
        k, mime = f"{self.number:05}", Mime()
        mime["Message-ID"] = f"<{message_id(self.mail)}>"
        mime["Date"] = format_datetime(self.at)
        mime["From"], mime["To"] = self.sender, ", ".join(self.to)
        if self.cc:
            mime["Cc"] = ", ".join(self.cc)
        if self.thread and self.thread != self.mail:
            mime["References"] = f"<{message_id(self.thread)}>"
        if self.in_reply_to:
            mime["In-Reply-To"] = f"<{message_id(self.in_reply_to)}>"
        mime["Subject"] = self.subject or f"SUBJ{self.mail:05}"
        mime["Bcc"] = self.bcc or f"bcc{k}@elsewhere.example"
        mime["X-Note"] = self.header or f"HDR{k}"
        mime.set_content(self.text or f"SNIP{k}{FILLER} BODY{k}")
        if self.is_html:
            mime.add_alternative(self.html or f"<p>HTML{k}</p>", subtype="html")
        for name in (f"ATTN{k}.pdf",) if self.files is None else self.files:
            mime.add_attachment(b"x", maintype="application", subtype="pdf", filename=name)
        return mime.as_bytes()


def message_id(number: int) -> str:
    return f"m{number}@outside.example"


def canaries(text: str) -> set[tuple[str, int]]:
    return {(kind.upper(), int(number)) for kind, number in CANARY.findall(text)}


@dataclass
class World:
    """Cleo is the admin; `names` join ada, ben and cleo."""

    names: tuple[str, ...] = ()
    desk: Desk = field(init=False)
    letters: dict[int, Letter] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    in_teams: dict[str, set[str]] = field(default_factory=dict)
    # Of a mailbox, a record or a thread that an owner opened: to whom, and how far.
    opened: dict[tuple[str, str], tuple[frozenset[str], dict[str, int]]] = field(default_factory=dict)
    defaults: dict[str, int] = field(default_factory=dict)
    inactive: set[str] = field(default_factory=set)
    blocked: dict[str, set[str]] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.desk = Desk(enhanced=False)
        for name in self.names:
            self.desk.join(name)
        Member.objects.filter(pk=self.member("cleo").pk).update(role="admin")
        self.member("cleo").role = "admin"

    def member(self, name: str) -> Member:
        return self.desk.members[name]

    def mailbox(self, name: str) -> Mailbox:
        return self.desk.mailboxes[name]

    def team(self, team: str, *names: str) -> None:
        made = Team.objects.create(workspace=self.desk.workspace, name=team)
        for name in names:
            TeamMembership.objects.create(workspace=self.desk.workspace, team=made, member=self.member(name))
            self.in_teams.setdefault(name, set()).add(team)
        self.teams[team] = made

    def deliver(self, *letters: Letter) -> None:
        """Each into its holder's mailbox, in one page."""
        for holder in dict.fromkeys(one.holder for one in letters):
            own = [one for one in letters if one.holder == holder]
            mailbox = Mailbox.objects.select_related("workspace").get(pk=self.mailbox(holder).pk)
            reading = reader(mailbox.pk, timezone.now())
            fetched = [FetchedMail(str(one.number), one.raw(), 1000) for one in own]
            page = reading.read(fetched)
            assert not page.quarantined
            with transaction.atomic():
                lock_workspace_for_storing(mailbox.workspace_id)
                store_values(reading, page)
            self.letters |= {one.number: one for one in own}

    # What the product does, and the same in the oracle's words.

    def set_default(self, owner: str, level: int) -> None:
        self.mailbox(owner).set_default_level(AccessLevel(level), by=self.member(owner))
        self.defaults[owner] = level

    def share_mailbox(self, owner: str, access: Mapping[str, int]) -> None:
        target = granting.mailbox_target(self.mailbox(owner))
        self._share(owner, target, frozenset({f"mailbox:{owner}"}), access)

    def share_record(self, owner: str, record: Company | Person, access: Mapping[str, int]) -> None:
        self._share(owner, granting.record_target(record), frozenset(named_by(record)), access)

    def share_thread(self, owner: str, root: int, access: Mapping[str, int]) -> None:
        target = granting.thread_target(self.thread(root))
        self._share(owner, target, frozenset({f"thread:{root}"}), access)

    def _share(self, owner: str, target: Any, covers: frozenset[str], access: Mapping[str, int]) -> None:
        wanted = {self._grantee(to): AccessLevel(level) for to, level in access.items()}
        granting.set_access(target, wanted, by=self.member(owner))
        self.opened[owner, f"{target.name}:{target.row.pk}"] = (covers, dict(access))

    def _grantee(self, to: str) -> Any:
        if to == oracle.EVERYBODY:
            return granting.EVERYBODY
        if to in self.teams:
            return granting.Grantee(team_id=self.teams[to].pk)
        return granting.Grantee(member_id=self.member(to).pk)

    def ask(self, asker: str, root: int, level: int, *, note: str = "") -> AccessRequest:
        return ask(self.thread(root), by=self.member(asker), level=AccessLevel(level), note=note)

    def approve(self, request: AccessRequest, owner: str, root: int, asker: str, level: int) -> None:
        request.approve(by=self.member(owner), level=AccessLevel(level))
        thread = f"thread:{root}"
        _, access = self.opened.setdefault(
            (owner, f"thread:{self.thread(root).pk}"), (frozenset({thread}), {})
        )
        access[asker] = max(level, access.get(asker, 0))

    def block(self, owner: str, value: str) -> None:
        blocking.block(self.mailbox(owner), [value], by=self.member(owner))
        self.blocked.setdefault(owner, set()).add(value)

    def deactivate(self, name: str) -> None:
        set_active(self.member(name), active=False)
        self.inactive.add(name)

    def remove(self, owner: str) -> None:
        remove(self.mailbox(owner), by=self.member(owner))
        self.removed.add(owner)

    # Where things are.

    def copy_row(self, number: int) -> MessageCopy | None:
        holder = self.letters[number].holder
        return MessageCopy.objects.filter(mailbox=self.mailbox(holder), provider_id=str(number)).first()

    def message_pks(self) -> dict[int, int]:
        """Of each mail that is stored, by its number."""
        rows = MessageCopy.objects.values_list("provider_id", "message_id")
        return {self.letters[int(number)].mail: pk for number, pk in rows}

    def thread_pks(self) -> dict[int, int]:
        rows = MessageCopy.objects.values_list("provider_id", "message__thread_id")
        return {self.letters[int(number)].root: pk for number, pk in rows}

    def thread(self, root: int) -> Thread:
        number = next(one.number for one in self.letters.values() if one.root == root and self._is_there(one))
        row = self.copy_row(number)
        assert row is not None
        return EmailMessage.objects.select_related("thread").get(pk=row.message_id).thread

    def _is_there(self, letter: Letter) -> bool:
        return self.copy_row(letter.number) is not None

    # The same for the oracle.

    def viewer(self, name: str) -> oracle.Viewer:
        known = name in self.desk.members and name not in self.inactive
        return oracle.Viewer(name, known, frozenset(self.in_teams.get(name, ())))

    def grants(self) -> list[oracle.Grant]:
        return [
            oracle.Grant(owner, to, level, covers)
            for (owner, _), (covers, access) in self.opened.items()
            for to, level in access.items()
        ]

    def copies(self) -> dict[int, list[oracle.Copy]]:
        """By mail, each as a reader may find it now."""
        found: dict[int, list[oracle.Copy]] = {}
        for one in self.letters.values():
            found.setdefault(one.mail, []).append(self._copy(one))
        return found

    def _copy(self, one: Letter) -> oracle.Copy:
        return oracle.Copy(
            number=one.number,
            owner=one.holder,
            default=self.defaults.get(one.holder, oracle.METADATA),
            parts_of=one.parties | {f"mailbox:{one.holder}", f"thread:{one.root}"},
            gone=one.holder in self.removed or self._is_blocked(one),
            owner_active=one.holder not in self.inactive,
        )

    def _is_blocked(self, one: Letter) -> bool:
        entries = self.blocked.get(one.holder, set())
        return any(
            party == entry or party.endswith((f"@{entry}", f".{entry}"))
            for party in one.parties
            for entry in entries
        )


def named_by(record: Company | Person) -> Iterable[str]:
    if isinstance(record, Person):
        return record.addresses.values_list("email", flat=True)
    emails = [email for person in record.people.all() for email in named_by(person)]
    return [*record.domains.values_list("domain", flat=True), *emails]
