"""Mail as it is in the world: conversations, newsletters, robots, invitations, broken headers. The same
seed writes the same bytes."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

NOW = datetime(2026, 11, 24, 9, 0, 30, tzinfo=UTC)
HOME = "halyard.example"
MEMBERS = ("ada", "ben", "cleo")
# Each has one elsewhere, which no domain gives away.
ALIASES = {"ada": "ada@byron.example", "ben": "ben@old-firm.example", "cleo": "cleo@cleo.example"}
DOMAINS = (
    "acme.example", "borealis.example", "cobalt.example", "delta.example", "sales.ember.example",
    "foxglove.example", "granite.example", "harbour.example", "indigo.example", "juniper.example",
    "bücher.example", "kestrel.example", "gmail.com", "gmx.de",
)  # fmt: skip
FIRST_NAMES = ("Bob", "Jürgen", "Zoë", "Łukasz", "Eve", "Søren", "Grace", "José", "Kim", "Ines")
SUBJECTS = (
    "Roof tiles", "Angebot für das Dach", "Où en sommes-nous ?", "見積もり", "Schedule; budget, and more",
    "Réunion — compte rendu", "Invoice 2026/17", "[EXT] Plan B", "a " * 60 + "long story", "",
)  # fmt: skip
TEXTS = (
    "Hello,\n\nas agreed on the phone.\nFrom here on it is easy.\n\nBest\n",
    "Liebe Grüße aus Köln – bis morgen.\n",
    "> quoted\n>From the start\n\nNo.\n.\nA line with a dot before.\n",
    "word " * 300 + "\n",
)


@dataclass(frozen=True)
class Who:
    email: str
    name: str = ""


@dataclass(frozen=True)
class Draft:
    """A mail as its author sends it. `date` is the header's text, None for the usual one, "" for none;
    `more` are header lines of its own."""

    sender: Who
    to: Sequence[Who]
    at: datetime
    subject: str
    cc: Sequence[Who] = ()
    bcc: Sequence[Who] = ()
    message_id: str = ""
    references: Sequence[str] = ()
    date: str | None = None
    more: Sequence[str] = ()
    shape: str = "plain"
    text: str = TEXTS[0]

    @property
    def everybody(self) -> list[str]:
        return [one.email for one in (self.sender, *self.to, *self.cc, *self.bcc)]


@dataclass(frozen=True)
class Letter:
    """A mail as one mailbox holds it."""

    raw: bytes
    received: datetime
    is_sent: bool


@dataclass
class Author:
    """Draws from one seed; `number` counts what was written."""

    rng: random.Random
    number: int = 0
    people: list[Who] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.people = [
            Who(f"{_plain(name)}@{domain}", f"{name} {domain.split('.')[0].title()}")
            for domain in DOMAINS
            for name in self.rng.sample(FIRST_NAMES, 3)
        ]

    def outsiders(self, most: int = 3) -> list[Who]:
        return self.rng.sample(self.people, self.rng.randint(1, most))

    def member(self) -> Who:
        """Under one of his addresses."""
        name = self.rng.choice(MEMBERS)
        email = self.rng.choices([own(name), ALIASES[name], f"{name}+list@{HOME}"], [8, 2, 1])[0]
        return Who(email, name.title())

    def members(self, most: int = 3) -> list[Who]:
        return [Who(own(name), name.title()) for name in self.rng.sample(MEMBERS, self.rng.randint(1, most))]

    def moment(self) -> datetime:
        """Within two years, and more often lately."""
        ago = self.rng.random() ** 2 * 700 * 86400 + 7200
        return (NOW - timedelta(seconds=ago)).replace(microsecond=0)

    def new_id(self) -> str:
        self.number += 1
        return f"<{self.number}.{self.rng.getrandbits(48):x}@{self.rng.choice(DOMAINS[:10])}>"

    def draft(self, sender: Who, to: Sequence[Who], **more: object) -> Draft:
        usual = {
            "at": self.moment(),
            "subject": self.rng.choice(SUBJECTS),
            "message_id": self.new_id(),
            "shape": self.rng.choice(list(SHAPES)),
            "text": self.rng.choice(TEXTS),
        }
        return Draft(sender, to, **(usual | more))  # type: ignore[arg-type]


def own(name: str) -> str:
    return f"{name}@{HOME}"


def write(count: int, *, seed: int) -> list[Draft]:
    author, written = Author(random.Random(seed)), []  # type: ignore[var-annotated]
    kinds, weights = list(KINDS), list(KINDS.values())
    while len(written) < count:
        written += author.rng.choices(kinds, weights)[0](author)
    return written[:count]


def delivered(drafts: Sequence[Draft], *, seed: int) -> dict[str, list[Letter]]:
    """By member: what each of them holds."""
    rng = random.Random(seed)
    held: dict[str, list[Letter]] = {name: [] for name in MEMBERS}
    for number, draft in enumerate(drafts):
        for name in MEMBERS:
            is_sent = member_of(draft.sender.email) == name
            if is_sent or name in {member_of(email) for email in draft.everybody}:
                held[name].append(_letter(draft, number, name, is_sent, rng))
    return held


def member_of(email: str) -> str:
    """Whose address it is, or ""."""
    plain = email.partition("@")[0].partition("+")[0] + "@" + email.rpartition("@")[2]
    return next((name for name in MEMBERS if plain in {own(name), ALIASES[name]}), "")


# What people write


def _conversation(author: Author) -> list[Draft]:
    """Begun by either side, and answered by one after another."""
    ours, theirs = [author.member(), *author.members(2)[:-1]], author.outsiders()
    writers = [ours[0], theirs[0]]
    author.rng.shuffle(writers)
    at, subject, ids, made = author.moment(), author.rng.choice(SUBJECTS), [], []  # type: ignore[var-annotated]
    for turn in range(author.rng.randint(1, 6)):
        sender = writers[turn % 2]
        others = [one for one in (*theirs, *ours) if one != sender]
        to, cc = others[:1], others[1:]
        if sender == ours[0]:
            to, cc = theirs[:2], [*theirs[2:], *ours[1:]]
        draft = author.draft(sender, to, cc=cc, at=at, subject=f"{'Re: ' * bool(turn)}{subject}")
        made.append(replace(draft, references=tuple(ids)))
        ids.append(draft.message_id)
        at = min(at + timedelta(seconds=author.rng.randint(60, 400_000)), NOW - timedelta(hours=1))
    return made


def _single(author: Author) -> list[Draft]:
    bcc = author.outsiders(1) if author.rng.random() < 0.2 else []
    if author.rng.random() < 0.5:
        return [author.draft(author.member(), author.outsiders(), bcc=bcc)]
    hidden = author.members(1) if author.rng.random() < 0.2 else []
    return [author.draft(author.outsiders(1)[0], author.members(), cc=author.outsiders(2), bcc=hidden)]


def _only_answered(author: Author) -> list[Draft]:
    """In-Reply-To alone, and a parent that may come later or never."""
    first = author.draft(author.outsiders(1)[0], author.members())
    answer = author.draft(author.member(), [first.sender], more=[f"In-Reply-To: {first.message_id}"])
    return [answer, first] if author.rng.random() < 0.7 else [answer]


def _newsletter(author: Author) -> list[Draft]:
    more = author.rng.choice(
        ["List-Id: <news.acme.example>", "Precedence: bulk", "List-Unsubscribe: <https://x.example>"]
    )
    return [author.draft(author.outsiders(1)[0], author.members(), more=[more])]


def _robot(author: Author) -> list[Draft]:
    """Some stand for a person, who is named in Reply-To."""
    sender = Who(f"no-reply@{author.rng.choice(DOMAINS[:8])}", "Shop")
    reply_to = author.outsiders(1)[0]
    more = [f"Reply-To: {_address(reply_to, author.rng)}"] if author.rng.random() < 0.6 else []
    return [author.draft(sender, author.members(), more=more)]


def _reply_to(author: Author) -> list[Draft]:
    more = [f"Reply-To: {_address(author.outsiders(1)[0], author.rng)}"]
    return [author.draft(author.outsiders(1)[0], author.members(), more=more)]


def _absence(author: Author) -> list[Draft]:
    more = author.rng.choice(["Auto-Submitted: auto-replied", "X-Autoreply: yes"])
    return [author.draft(author.outsiders(1)[0], author.members(1), more=[more])]


def _bounce(author: Author) -> list[Draft]:
    sender = Who(f"MAILER-DAEMON@{author.rng.choice(DOMAINS[:8])}")
    return [author.draft(sender, author.members(1), more=["X-Failed-Recipients: x@acme.example"])]


def _internal(author: Author) -> list[Draft]:
    return [author.draft(author.member(), author.members())]


def _to_a_role(author: Author) -> list[Draft]:
    role = Who(f"{author.rng.choice(['info', 'sales', 'support'])}@{author.rng.choice(DOMAINS[:12])}")
    pair = [author.member(), role]
    author.rng.shuffle(pair)
    return [author.draft(pair[0], pair[1:])]


def _invitation(author: Author) -> list[Draft]:
    shape = author.rng.choice(["request", "reply", "cancel"])
    return [author.draft(author.outsiders(1)[0], author.members(), shape=shape)]


def _without_id(author: Author) -> list[Draft]:
    draft = author.draft(author.outsiders(1)[0], author.members(), message_id="")
    return [replace(draft, subject=f"{draft.subject} no {author.number}")]


def _without_date(author: Author) -> list[Draft]:
    return [author.draft(author.outsiders(1)[0], author.members(), date="")]


def _odd_date(author: Author) -> list[Draft]:
    return [author.draft(author.outsiders(1)[0], author.members(), date=author.rng.choice(ODD_DATES))]


def _crowd(author: Author) -> list[Draft]:
    """More recipients than say anything, on a header of many lines."""
    everybody = [Who(f"guest{number}@crowd.example", f"Guest №{number}") for number in range(40)]
    pair = [author.member(), *author.outsiders(1)]
    author.rng.shuffle(pair)
    return [author.draft(pair[0], [pair[1], *everybody[:20]], cc=everybody[20:])]


def _same_id(author: Author) -> list[Draft]:
    """Somebody else's Message-ID on another mail."""
    first = author.draft(author.outsiders(1)[0], author.members())
    other = author.draft(author.outsiders(1)[0], author.members(), message_id=first.message_id)
    return [first, replace(other, subject=f"{other.subject} again")]


KINDS: dict[Callable[[Author], list[Draft]], int] = {
    _conversation: 30, _single: 20, _only_answered: 5, _newsletter: 6, _robot: 5, _reply_to: 3, _absence: 3,
    _bounce: 2, _internal: 5, _to_a_role: 5, _invitation: 6, _without_id: 4, _without_date: 3, _odd_date: 6,
    _crowd: 2, _same_id: 1,
}  # fmt: skip
ODD_DATES = (
    "Thu, 01 Jan 1970 00:00:00 +0000", "Tue, 99 Foo 2026 45:00:00", "Fri, 03 Jan 2031 10:00:00 +0000",
    "Mon, 05 Jan 2026 10:00:00 -0000", "Mon, 05 Jan 2026 10:00:00 EST", "5 Jan 26 10:00 +0100",
    "Mon, 05 Jan 2026 10:00:00 +0100 (CET)", "yesterday",
)  # fmt: skip


# How it is written down


def _letter(draft: Draft, number: int, name: str, is_sent: bool, rng: random.Random) -> Letter:
    received = draft.at + timedelta(seconds=rng.randint(0, 90))
    is_stamped = not is_sent and rng.random() < 0.8
    hop = f"by mx.{HOME} with ESMTPS id {number}{name} for <{own(name)}>; {format_datetime(received)}"
    stamp = f"Received: from out.example (out.example [192.0.2.1])\r\n\t{hop}\r\n" if is_stamped else ""
    return Letter(stamp.encode() + _raw(draft, number, is_sent), received, is_sent)


def _raw(draft: Draft, number: int, is_sent: bool) -> bytes:
    rng = random.Random(number)
    lines = [f"From: {_address(draft.sender, rng)}", f"To: {_addresses(draft.to, rng)}"]
    date = format_datetime(draft.at) if draft.date is None else draft.date
    lines += [f"Date: {date}"] if date else []
    lines += [f"Cc: {_addresses(draft.cc, rng)}"] if draft.cc else []
    lines += [f"Bcc: {_addresses(draft.bcc, rng)}"] if draft.bcc and is_sent else []
    lines += [f"Message-ID: {draft.message_id}"] if draft.message_id else []
    if draft.references:
        lines += ["References: " + "\r\n ".join(draft.references), f"In-Reply-To: {draft.references[-1]}"]
    lines += [f"Subject: {_subject(draft.subject, rng)}", *draft.more]
    part = SHAPES.get(draft.shape, _calendar)(draft)
    for place, one in enumerate(part.walk()):
        if one.is_multipart():
            one.set_boundary(f"=_{number}_{place}")
    return "\r\n".join([*lines, ""]).encode() + part.as_bytes(policy=SMTP)


def _subject(text: str, rng: random.Random) -> str:
    """Encoded, or as it is: many programs send eight bits."""
    if text.isascii() or rng.random() < 0.2:
        return text
    return Header(text, "utf-8", header_name="Subject").encode(linesep="\r\n")


def _addresses(people: Sequence[Who], rng: random.Random) -> str:
    return ",\r\n ".join(_address(one, rng) for one in people)


def _address(who: Who, rng: random.Random) -> str:
    local, _, domain = who.email.rpartition("@")
    email = f"{local}@{domain.encode('idna').decode()}"
    if not who.name or rng.random() < 0.2:
        return rng.choice([email, f"<{email}>"])
    if who.name.isascii():
        return rng.choice([f"{who.name} <{email}>", f'"{who.name}" <{email}>'])
    return f"{Header(who.name, 'utf-8').encode()} <{email}>"


def _part(text: str, *, html: str = "") -> EmailMessage:
    part = EmailMessage()
    part.set_content(text, cte="quoted-printable")
    if html:
        part.add_alternative(html, subtype="html")
    return part


def _markup(draft: Draft) -> str:
    lines = draft.text.replace("<", "&lt;").replace(">", "&gt;").split("\n")
    return f"<html><body><p>{'<br>'.join(lines)}</p><img src='https://pixel.example/1.gif'></body></html>"


def _latin(draft: Draft) -> EmailMessage:
    part = EmailMessage()
    part.set_content(draft.text.replace("–", "-"), charset="iso-8859-1", cte="8bit")
    return part


def _only_html(draft: Draft) -> EmailMessage:
    part = EmailMessage()
    part.set_content(_markup(draft), subtype="html", cte="base64")
    return part


def _with_files(draft: Draft) -> EmailMessage:
    part = _part(draft.text, html=_markup(draft))
    part.add_attachment(
        b"%PDF-1.7 nothing", maintype="application", subtype="pdf", filename="Angebot für Ada.pdf"
    )
    part.add_attachment("a;b\n", subtype="csv", filename="list.csv")
    return part


def _calendar(draft: Draft) -> EmailMessage:
    part = _part(draft.text)
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:{draft.shape.upper()}\r\nEND:VCALENDAR\r\n"
    part.add_alternative(text, subtype="calendar", params={"method": draft.shape.upper()})
    return part


SHAPES: dict[str, Callable[[Draft], EmailMessage]] = {
    "plain": lambda draft: _part(draft.text),
    "latin": _latin,
    "html": _only_html,
    "both": lambda draft: _part(draft.text, html=_markup(draft)),
    "files": _with_files,
}


def _plain(name: str) -> str:
    return name.lower().translate(str.maketrans("üëłøé", "ueloe"))
