"""Who takes part: the studio's members, the companies around it and their people."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from crm.addresses import company_name
from intelligence.demo.dice import Dice
from intelligence.demo.material import rows, sections

HOME = "halyardstudio.example"
# Letters that do not come apart into a plain letter and an accent.
_PLAIN = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "đ": "d"})
_TITLES = [
    "Head of operations",
    "Project lead",
    "Managing partner",
    "Marketing manager",
    "Facilities",
    "Head of design",
    "Procurement",
    "Communications",
    "Chief of staff",
    "Product owner",
    "Site manager",
    "Finance",
    "Editor",
    "Assistant to the board",
    "IT",
]
_PROGRAMS = ("web", "office", "phone", "plain")
_STAYS_HOME = 0.75


@dataclass(frozen=True, slots=True, eq=False)
class Someone:
    """A member of the studio, or anybody else."""

    name: str
    email: str
    zone: str
    title: str
    employer: str
    program: str
    aliases: tuple[str, ...] = ()
    is_member: bool = False

    @property
    def first_name(self) -> str:
        return self.name.partition(" ")[0]

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2]


@dataclass(slots=True, eq=False)
class Company:
    """`team` are the members who look after it, the one in charge first; `unseen` are the people
    nobody has written to yet."""

    domain: str
    name: str
    trade: str
    city: str
    zone: str
    stage: str
    people: tuple[Someone, ...] = ()
    team: tuple[Someone, ...] = ()
    unseen: list[Someone] = field(default_factory=list)


@cache
def members() -> tuple[Someone, ...]:
    return tuple(
        Someone(
            name=name,
            email=email,
            zone=zone,
            title=title,
            employer="Halyard Studio",
            program="web",
            aliases=tuple(aliases.split()),
            is_member=True,
        )
        for email, name, title, zone, aliases in rows("companies", "members")
    )


def companies(dice: Dice, *, sizes: dict[str, tuple[int, int]], every: int) -> list[Company]:
    """Every so many of those there are, with their people and the members who look after them."""
    homes = {city: (zone, culture) for city, zone, culture in rows("companies", "cities")}
    found = []
    for domain, kind, city, stage in rows("companies", "companies")[::every]:
        zone, culture = homes[city]
        company = Company(domain, company_name(domain), kind, city, zone, stage)
        company.people = _people(company, culture, dice.whole(*sizes[stage]), dice)
        company.team = _team(company, dice)
        company.unseen = list(company.people)
        found.append(company)
    return found


def stranger(employer: str, domain: str, dice: Dice) -> Someone:
    culture = dice.pick(tuple(sections("names")))
    given, family = _name(culture, dice)
    email = f"{_local(given)}@{domain}"
    return Someone(f"{given} {family}", email, "Europe/London", "", employer, "web")


@cache
def _regulars() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Companies of which we know who is there first, and who of us looks after them."""
    return {
        domain: (tuple(names.split(", ")), tuple(team.split()))
        for domain, names, team in rows("companies", "regulars")
    }


def _people(company: Company, culture: str, count: int, dice: Dice) -> tuple[Someone, ...]:
    program, style = dice.pick(_PROGRAMS), dice.pick(("dotted", "dotted", "given", "initial"))
    people: dict[str, Someone] = {}
    first = [name.partition(" ")[::2] for name in _regulars().get(company.domain, ((), ()))[0]]
    while len(people) < count:
        at_home = dice.chance(_STAYS_HOME)
        given, family = _name(culture if at_home else dice.pick(tuple(sections("names"))), dice)
        if first:
            given, family = first.pop(0)
        email = f"{_local_part(style, given, family)}@{company.domain}"
        title = _TITLES[len(people) % len(_TITLES)] if len(people) > 8 else dice.pick(_TITLES)
        someone = Someone(f"{given} {family}", email, company.zone, title, company.name, program)
        people.setdefault(email, someone)
    return tuple(people.values())


def _name(culture: str, dice: Dice) -> tuple[str, str]:
    lines = dict(line.split(": ", 1) for line in sections("names")[culture])
    return dice.pick(lines["given"].split()), dice.pick(lines["family"].split())


def _local_part(style: str, given: str, family: str) -> str:
    if style == "given":
        return _local(given)
    return f"{_local(given)}.{_local(family)}" if style == "dotted" else f"{_local(given)[0]}{_local(family)}"


def _local(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.translate(_PLAIN))
    return "".join(c for c in plain if c.isascii() and (c.isalnum() or c == "-")).lower()


def _team(company: Company, dice: Dice) -> tuple[Someone, ...]:
    """In charge is mostly somebody who is awake when they are."""
    everybody = members()
    known = _regulars().get(company.domain, ((), ()))[1]
    if known:
        return tuple(one for name in known for one in everybody if one.email == f"{name}@{HOME}")
    nearby = [one for one in everybody if one.zone.partition("/")[0] == company.zone.partition("/")[0]]
    chosen = dice.some(nearby, 2)
    return (*chosen, *dice.some([one for one in everybody if one not in chosen], 4 - len(chosen)))


def same(people: Sequence[Someone], someone: Someone) -> list[Someone]:
    return [one for one in people if one is not someone]
