"""The mail that calendars send: invitations, answers, cancellations."""

from collections.abc import Iterator
from datetime import timedelta

from intelligence.demo.appointments import DECLINED, WAITING, Appointment
from intelligence.demo.calendars import invitation
from intelligence.demo.cast import Someone
from intelligence.demo.dice import Dice
from intelligence.demo.hours import Hours, zoneinfo
from intelligence.demo.hours import at as at_hour
from intelligence.demo.messages import Message
from intelligence.demo.slots import spoken_date

_VERBS = {"ACCEPTED": "Accepted", "DECLINED": "Declined", "TENTATIVE": "Tentative"}
_ANSWERED_BY_MAIL = 0.5


def invitations(one: Appointment, dice: Dice, hours: Hours) -> Iterator[Message]:
    """The invitation and the answers that come back as mail."""
    asked = _asked(one, dice, hours)
    yield asked
    for someone, answer in one.answers.items():
        if answer != WAITING and dice.chance(_ANSWERED_BY_MAIL):
            yield _answer(one, asked, someone, dice=dice, hours=hours)
    if one.status == "CANCELLED":
        yield _cancellation(one, asked, dice=dice, hours=hours)


def _asked(one: Appointment, dice: Dice, hours: Hours) -> Message:
    at = hours.at_work(one.created, one.organiser.zone, dice)
    return Message(
        token=dice.token(),
        at=at,
        sender=one.organiser,
        to=tuple(one.answers),
        subject=f"Invitation: {one.title}",
        text=_summary(one),
        calendar=("REQUEST", invitation(one, "REQUEST", at=at)),
        has_html=True,
    )


def _answer(one: Appointment, asked: Message, someone: Someone, *, dice: Dice, hours: Hours) -> Message:
    at = hours.at_work(asked.at + timedelta(minutes=dice.whole(3, 900)), someone.zone, dice)
    answer = one.answers[someone]
    regret = " Sorry, I am taken then." if answer == DECLINED else ""
    return Message(
        token=dice.token(),
        at=at,
        sender=someone,
        to=(one.organiser,),
        subject=f"{_VERBS[answer]}: {one.title}",
        text=f"{someone.name}: {_VERBS[answer].lower()}.{regret}",
        parent=asked,
        calendar=("REPLY", invitation(one, "REPLY", at=at, answering=someone)),
    )


def _cancellation(one: Appointment, asked: Message, *, dice: Dice, hours: Hours) -> Message:
    eve = hours.last_open(one.start.date() - timedelta(days=1))
    sent = at_hour(eve, one.organiser.zone, dice.between(540, 1020))
    at = max(sent, asked.at + timedelta(minutes=5))
    return Message(
        token=dice.token(),
        at=at,
        sender=one.organiser,
        to=tuple(one.answers),
        subject=f"Cancelled: {one.title}",
        text=f"This meeting will not take place.\n\n{_summary(one)}",
        parent=asked,
        calendar=("CANCEL", invitation(one, "CANCEL", at=at)),
    )


def _summary(one: Appointment) -> str:
    local = one.start.astimezone(zoneinfo(one.organiser.zone))
    clock = "" if one.whole_days else f", {local:%H:%M} ({one.organiser.zone})"
    lines = [one.title, f"{spoken_date(local.date())} {local.year}{clock}"]
    if one.weeks:
        lines.append("Every week" if one.weeks == 1 else f"Every {one.weeks} weeks")
    lines += [place for place in (one.location, one.room, one.video, one.description) if place]
    return "\n".join(lines)
