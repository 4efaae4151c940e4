"""Everything else that lies in a mailbox: newsletters, machines, lists, absences, cold letters."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from intelligence.demo.cast import HOME, Company, Someone, members, stranger
from intelligence.demo.conversations import Conversation, Told
from intelligence.demo.dice import Dice
from intelligence.demo.hours import Hours, at
from intelligence.demo.material import rows, sections
from intelligence.demo.messages import Message
from intelligence.demo.scenes import template, told
from intelligence.demo.slots import Slots, spoken_date

_UTC = "UTC"
_LIST = "wayfinding@lists.signcircle.example"


def newsletters(day: date, dice: Dice, *, days: int) -> Iterator[Message]:
    """Each once a month, to some of us."""
    for name, address, topic in rows("letters", "newsletters"):
        sender = _machine(name, address)
        readers = dice.some(members(), dice.whole(1, 3))
        for ago in range(dice.whole(1, 28), days, 30):
            sent = at(day - timedelta(days=ago), _UTC, dice.between(300, 700))
            yield _issue(sender, readers, sent, topic=topic, dice=dice)


def _issue(sender: Someone, readers: Sequence[Someone], sent: datetime, *, topic: str, dice: Dice) -> Message:
    subject, text = (part.strip() for part in dice.pick(sections("letters")["issues"]).split(" | "))
    slots = Slots(topic, sent.date(), dice)
    leave = f"https://{sender.domain}/leave/{dice.token()[:8]}"
    return Message(
        token=dice.token(),
        at=sent,
        sender=sender,
        to=(_machine("", f"readers@{sender.domain}"),),
        subject=f"{told(template(subject), slots, dice)} ({slots['n']}/{sent.year})",
        text=f"{told(template(text), slots, dice)}\n\nYou asked for this letter. To leave: {leave}",
        extra=(
            ("List-Id", f"{sender.employer} <letters.{sender.domain}>"),
            ("List-Unsubscribe", f"<{leave}>"),
            ("Precedence", "bulk"),
        ),
        has_html=True,
        pictures=4,
        keepers=tuple(readers),
    )


def machines(day: date, dice: Dice, *, count: int, days: int) -> Iterator[Message]:
    """Tickets, parcels, receipts: nobody is behind them."""
    for _ in range(count):
        name, address, subject, text, statuses = dice.pick(rows("letters", "robots"))
        sent = at(day - timedelta(days=dice.whole(0, days)), _UTC, dice.between(400, 1100))
        slots = Slots("supply", sent.date(), dice, status=dice.pick(statuses.split("/")))
        words = {key: slots[key] for key in ("number", "status")} | {"subject": slots["Thing"]}
        yield Message(
            token=dice.token(),
            at=sent,
            sender=_machine(name, address.format_map(words)),
            to=(dice.pick(members()),),
            subject=subject.format_map(words),
            text=text.format_map(words),
            extra=(("Auto-Submitted", "auto-generated"),),
        )


def list_posts(
    companies: Sequence[Company], day: date, dice: Dice, *, count: int, days: int
) -> Iterator[Message]:
    """People we know, but writing to everybody."""
    subject, text = (part.strip() for part in sections("letters")["list"][0].split(" | "))
    for _ in range(count):
        author = dice.pick(dice.pick(companies).people)
        sent = at(day - timedelta(days=dice.whole(0, days)), author.zone, dice.between(500, 1050))
        slots = Slots("wayfinding", sent.date(), dice)
        yield Message(
            token=dice.token(),
            at=sent,
            sender=author,
            to=(_machine("Wayfinding list", _LIST),),
            subject=f"[wayfinding] {told(template(subject), slots, dice)}",
            text=f"{told(template(text), slots, dice)}\n\n{author.name}",
            extra=(("List-Id", f"Wayfinding list <{_LIST.replace('@', '.')}>"), ("Precedence", "list")),
            keepers=members()[4:7:2],
        )


def absences(sent: Message, dice: Dice, *, chance: float) -> Iterator[Message]:
    """What somebody's mail program answers while he is away."""
    recipient = sent.to[0]
    if recipient.is_member == sent.sender.is_member or not dice.chance(chance):
        return
    subject, text = (part.strip() for part in sections("letters")["away"][0].split(" | "))
    colleague = sent.cc[0].first_name if sent.cc else "The front desk"
    slots = Slots("brand", sent.at.date(), dice, subject=sent.subject, them2=colleague)
    yield Message(
        token=dice.token(),
        at=sent.at + timedelta(seconds=dice.whole(4, 50)),
        sender=recipient,
        to=(sent.sender,),
        subject=told(template(subject), slots, dice),
        text=f"{told(template(text), slots, dice)}\n\n{recipient.name}",
        parent=sent,
        extra=(("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All")),
    )


def bounces(day: date, dice: Dice, *, count: int, days: int) -> Iterator[Message]:
    """Letters that came back."""
    for _ in range(count):
        member = dice.pick(members())
        sent = at(day - timedelta(days=dice.whole(1, days)), _UTC, dice.between(500, 1000))
        lost = stranger("", dice.pick(rows("letters", "strangers"))[1], dice)
        yield Message(
            token=dice.token(),
            at=sent,
            sender=_machine("Mail Delivery System", f"mailer-daemon@{HOME}"),
            to=(member,),
            subject="Undelivered mail returned to sender",
            text=f"Your message of {spoken_date(sent.date())} could not be delivered to:\n\n"
            f"<{lost.email}>: there is no such mailbox here",
            extra=(("Auto-Submitted", "auto-replied"), ("X-Failed-Recipients", lost.email)),
        )


def cold_letters(
    day: date, dice: Dice, hours: Hours, *, said: Told, count: int, days: int
) -> Iterator[Message]:
    """From people nobody here has ever written to."""
    for _ in range(count):
        name, domain = dice.pick(rows("letters", "strangers"))
        sender = stranger(name, domain, dice)
        company = Company(domain, name, "brand", "London", sender.zone, "cold")
        company.people, company.team = (sender, stranger(name, domain, dice)), tuple(dice.some(members(), 2))
        start = at(day - timedelta(days=dice.whole(0, days)), sender.zone, dice.between(480, 1000))
        talk = Conversation(company, start, dice=dice, hours=hours, told=said)
        yield from talk.play("cold")


def among_ourselves(
    day: date, dice: Dice, hours: Hours, *, said: Told, count: int, days: int
) -> Iterator[Message]:
    everybody = members()
    company = Company(HOME, "Halyard Studio", "exhibition", "Lisbon", everybody[0].zone, "internal")
    company.people, company.team = everybody, everybody
    for _ in range(count):
        start = at(day - timedelta(days=dice.whole(0, days)), company.zone, dice.between(500, 1000))
        talk = Conversation(company, start, dice=dice, hours=hours, told=said)
        yield from talk.play("internal")


def _machine(name: str, address: str) -> Someone:
    return Someone(name, address, _UTC, "", name, "plain")
