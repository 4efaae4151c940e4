"""Figure 14: our parser against `email.policy.default` on the same messages, in this process."""

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from intelligence.bench.figures import interleaved, show
from mailboxes.parsing.mail import parse_mail

MESSAGES = 300


def run() -> None:
    to = ", ".join(f"Person {n} <person{n}@bench.example>" for n in range(4))
    raw = [message(number, to=to) for number in range(MESSAGES)]
    ours, theirs = interleaved(
        lambda: [parse_mail(one) for one in raw], lambda: [_by_policy(one) for one in raw], rounds=5
    )
    show(
        "14 full parse against policy.default",
        ratio=theirs / ours,
        of=MESSAGES / ours,
        against=MESSAGES / theirs,
        unit="messages/s",
        goal=">= 5",
    )


def message(number: int, *, to: str) -> bytes:
    """As people send them: a signature's worth of headers, both kinds of text, a small file."""
    message = EmailMessage()
    message["From"] = "Robin Doe <robin@company.example>"
    message["To"] = to
    message["Subject"] = f"Überarbeitete Pläne, Version {number}"
    message["Message-ID"] = f"<{number}@bench.example>"
    message["Date"] = "Tue, 24 Nov 2026 09:00:00 +0100"
    for hop in range(12):
        message[f"X-Trace-{hop}"] = "by relay.example with ESMTPS for somebody " * 3
    message.set_content("Thank you for the drawings. " * 150)
    message.add_alternative("<p>" + "Thank you for the drawings. " * 300 + "</p>", subtype="html")
    message.add_attachment(b"x" * 6000, maintype="application", subtype="pdf", filename="a.pdf")
    return message.as_bytes()


def _by_policy(raw: bytes) -> object:
    message = BytesParser(policy=policy.default).parsebytes(raw)
    people = [a.addr_spec for name in ("From", "To") for a in message[name].addresses]
    parts = [part.get_content() for part in message.walk() if not part.is_multipart()]
    return str(message["Subject"]), people, message["Date"].datetime, parts
