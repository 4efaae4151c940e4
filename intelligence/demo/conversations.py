"""Threads: a scene, two sides, and the time people take to answer."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from intelligence.demo.cast import Company, Someone, same
from intelligence.demo.dice import Dice
from intelligence.demo.hours import Hours, zoneinfo
from intelligence.demo.messages import Attached, Message, digest
from intelligence.demo.scenes import Scene, Turn, scenes, told
from intelligence.demo.slots import Slots

_TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "png": "image/png",
    "csv": "text/csv",
    "zip": "application/zip",
}
_MAGIC = {"pdf": b"%PDF-1.7\n", "png": b"\x89PNG\r\n\x1a\n", "docx": b"PK\x03\x04", "zip": b"PK\x03\x04"}
_GREETINGS = ("Hi {}", "Hello {}", "Dear {}", "{}", "Hi {}", "Good morning {}")
_CLOSINGS = (
    "Best",
    "Best regards",
    "Kind regards",
    "Thanks",
    "Cheers",
    "Warm regards",
    "Greetings",
    "All the best",
)
_TRIES = 40
_HTML, _QUOTING = 0.4, 0.55


class Told:
    """What was said already, so that no two threads read the same."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def is_new(self, *texts: str) -> bool:
        if any(text in self._said for text in texts):
            return False
        self._said.update(texts)
        return True


class Conversation:
    """One thread with a company."""

    def __init__(self, company: Company, start: datetime, *, dice: Dice, hours: Hours, told: Told) -> None:
        self.company, self.start, self.dice, self.hours = company, start, dice, hours
        self._told = told
        self._signed: set[Someone] = set()

    def play(self, audience: str, *, brisk: bool = False) -> Iterator[Message]:
        """Scenes are drawn until one has something new to say."""
        for _ in range(_TRIES):
            possible = scenes(audience, self.company.trade)
            scene = self.dice.weighted(possible, [one.weight for one in possible])
            self._cast(scene)
            subject = told(scene.subject, self._slots, self.dice)
            opening = told(scene.turns[0].text, self._slots, self.dice)
            if self._told.is_new(f"{self.company.domain}: {subject}", opening):
                yield from self._turns(scene, subject, opening=opening, brisk=brisk)
                return

    def _cast(self, scene: Scene) -> None:
        """Who plays whom; people who have not been heard of come first."""
        company, dice = self.company, self.dice
        us = dice.early(company.team[:3])
        candidates = same(company.people, us)
        them = candidates[0] if candidates[0] in company.unseen else dice.early(candidates)
        others = same(candidates, them)
        them2 = next((one for one in company.unseen if one is not them), None) or dice.pick(others)
        self._roles = {"us": us, "us2": dice.early(same(company.team, us)), "them": them, "them2": them2}
        self._last = {"us": us, "them": them}
        names = {role: someone.first_name for role, someone in self._roles.items()}
        local = self.start.astimezone(zoneinfo(us.zone)).date()
        self._slots = Slots(company.trade, local, dice, **names)

    def _turns(self, scene: Scene, subject: str, *, opening: str, brisk: bool) -> Iterator[Message]:
        present = self._present(scene)
        for one in present:
            if one in self.company.unseen:
                self.company.unseen.remove(one)
        parent, moment = None, self.start
        for turn in scene.turns:
            author = self._roles[turn.who]
            moment = self._next_moment(moment, author, is_first=parent is None, brisk=brisk)
            said = opening if parent is None else told(turn.text, self._slots, self.dice)
            parent = self._message(turn, said, moment, subject=subject, present=present, parent=parent)
            yield parent

    def _present(self, scene: Scene) -> list[Someone]:
        """Everybody in From, To and Cc, the same through the whole thread."""
        us, us2, them, them2 = (self._roles[role] for role in ("us", "us2", "them", "them2"))
        mentioned = {name for turn in scene.turns for name in turn.mentions}
        present = [us, them]
        if scene.speaks("us2") or self.dice.chance(0.5 if "us2" in mentioned else 0.12):
            present.append(us2)
        if scene.speaks("them2") or them2 in self.company.unseen or self.dice.chance(0.25):
            present.append(them2)
        return list(dict.fromkeys(present))

    def _next_moment(self, moment: datetime, author: Someone, *, is_first: bool, brisk: bool) -> datetime:
        if not is_first:
            moment += timedelta(minutes=self._pause(brisk))
        return self.hours.at_work(moment.replace(microsecond=0), author.zone, self.dice)

    def _pause(self, brisk: bool) -> float:
        """Minutes until somebody answers."""
        between, chance = self.dice.between, self.dice.between(0, 1)
        if brisk:
            return between(6, 130)
        if chance < 0.25:
            return between(4, 45)
        if chance < 0.65:
            return between(50, 400)
        return between(700, 1900) if chance < 0.92 else between(2000, 6500)

    def _message(
        self,
        turn: Turn,
        said: str,
        moment: datetime,
        *,
        subject: str,
        present: list[Someone],
        parent: Message | None,
    ) -> Message:
        author = self._roles[turn.who]
        ours, theirs = ("us", "them") if turn.who.startswith("us") else ("them", "us")
        to, self._last[ours] = self._last[theirs], author  # whoever wrote last on the other side
        dice = self.dice
        return Message(
            token=dice.token(),
            at=moment,
            sender=author,
            to=(to,),
            cc=tuple(one for one in present if one is not author and one is not to),
            subject=f"Re: {subject}" if parent else subject,
            text=self._letter(said, author, to, is_reply=parent is not None),
            parent=parent,
            attached=(self._file(turn.attached),) if turn.attached else (),
            has_html=author.program in {"web", "office"} and dice.chance(_HTML),
            quotes=parent is not None and dice.chance(_QUOTING),
        )

    def _letter(self, said: str, author: Someone, to: Someone, *, is_reply: bool) -> str:
        """Greeting, what is said, and a signature the first time somebody writes in a thread."""
        dice, parts = self.dice, []
        if not is_reply or dice.chance(0.6):
            parts.append(dice.pick(_GREETINGS).format(to.first_name) + ",")
        parts.append(said)
        parts.append(
            f"{dice.pick(_CLOSINGS)},\n{author.first_name}" if dice.chance(0.8) else author.first_name
        )
        if author not in self._signed and dice.chance(0.8):
            parts.append(signature(author))
        self._signed.add(author)
        return "\n\n".join(parts)

    def _file(self, ending: str) -> Attached:
        slots = self._slots
        name = f"{slots['Project']}, {slots['thing']} {slots['version']}.{ending}"
        if ending == "csv":
            content = "".join(f"{n};{self.dice.whole(0, 900)};{self.dice.whole(0, 59)}\n" for n in range(30))
            return Attached(name, _TYPES[ending], f"sensor;value;minutes\n{content}".encode())
        return Attached(name, _TYPES[ending], _MAGIC[ending] + digest(name))


def signature(someone: Someone) -> str:
    title = f"{someone.title}, " if someone.title else ""
    return f"-- \n{someone.name}\n{title}{someone.employer}\nwww.{someone.domain}"
