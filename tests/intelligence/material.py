"""The people of the property test, and what its sequences are made of: few values each, so that they
meet often."""

from datetime import time
from typing import Any

from hypothesis import strategies as st

from tests.intelligence.naive import Contact

HOME = "halyard.example"
ADA, BEN, CLEO, ZED = (f"{name}@{HOME}" for name in ("ada", "ben", "cleo", "zed"))
ADA_TAGGED = f"ada+projects@{HOME}"
BOB, CARLA, INFO, ROBOT = (f"{name}@acme.example" for name in ("bob", "carla", "info", "no-reply"))
BOB_TAGGED = "bob+news@acme.example"
DORA, ERIN, SALES = "dora@birch.example", "erin@mail.birch.example", "sales@birch.example"
GINA, ADA_AT_HOME, BEN_BEFORE = "gina@gmail.com", "ada.byron@gmail.com", "ben@corda.example"

COLLEAGUES = [ADA, BEN, CLEO, ADA_TAGGED, ZED]
OTHERS = [BOB, CARLA, DORA, ERIN, GINA, INFO, SALES, ROBOT, BOB_TAGGED, ADA_AT_HOME, BEN_BEFORE]
CLAIMABLE = [ADA_AT_HOME, BEN_BEFORE, CARLA, BOB]
# They make a crowd and nothing else: colleagues who never signed in.
CROWD = [f"desk{number}@{HOME}" for number in range(30)]
DOMAINS = ["acme.example", "birch.example", "corda.example"]
KINDS = {INFO: "role", SALES: "role", ROBOT: "automated"}


def contact(email: str) -> Contact:
    domain = ".".join(email.rpartition("@")[2].split(".")[-2:])
    return Contact(email, domain, KINDS.get(email, "human"), is_freemail=domain == "gmail.com")


CONTACTS = [contact(email) for email in (*COLLEAGUES, *OTHERS, *CROWD)]

names = st.sampled_from(["ada", "ben", "cleo"])
boxes = st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True)
which = st.integers(0, 11)
colleagues = st.sampled_from([ADA, ADA, ADA, BEN, BEN, CLEO, ADA_TAGGED, ZED])
others = st.sampled_from([*[BOB, CARLA, DORA] * 3, *[ROBOT] * 2, *OTHERS])
anybody = st.one_of(others, colleagues)
categories = st.sampled_from(["contact"] * 7 + ["bulk", "automatic", "calendar"])
# Mail and meetings fall on the same few instants, at the edges of days too.
ages = st.sampled_from([0, 1, 1, 1, 2, 2, 30, 31, 400])
days = st.sampled_from([-400, -30, -2, -1, -1, 0, 0, 1, 1, 1, 2, 8])
hours = st.sampled_from([*[time(8)] * 5, time(0), time(23, 59, 59)])
responses = st.sampled_from(["accepted", "accepted", "tentative", "needs_action", "declined", "declined"])


@st.composite
def letters(draw: st.DrawFn, sender: st.SearchStrategy[str], to: st.SearchStrategy[str]) -> dict[str, Any]:
    first = draw(st.lists(to, min_size=1, max_size=2, unique=True))
    cc = draw(st.lists(anybody.filter(lambda one: one not in first), max_size=2, unique=True))
    return {
        "sender": draw(sender),
        "to": filled(first, draw(st.sampled_from([0, 0, 0, 25, 26])) - len(cc)),
        "cc": tuple(cc),
        "category": draw(categories),
        "reply_to": draw(st.sampled_from(["", BOB, ADA])),
        "age": (draw(ages), draw(hours)),
        "trust": draw(st.sampled_from(["date"] * 5 + ["no date", "old date", "received earlier"])),
    }


@st.composite
def gatherings(draw: st.DrawFn, organiser: st.SearchStrategy[str]) -> dict[str, Any]:
    host = draw(organiser)
    guests = draw(st.lists(anybody, min_size=1, max_size=4, unique=True))
    together = [host, *(guest for guest in guests if guest != host)]
    invited = filled(together, draw(st.sampled_from([0, 0, 0, 20, 21])))
    answers = {guest: draw(responses) if guest not in CROWD else "accepted" for guest in invited}
    return {
        "organiser": draw(st.sampled_from([host] * 5 + [""])),
        "answers": {**answers, host: draw(st.sampled_from(["accepted"] * 5 + ["declined"]))},
        "days": draw(days),
        "hour": draw(hours),
        "all_day": draw(st.sampled_from([False, False, False, True])),
        "occurrences": draw(st.sampled_from([0, 0, 0, 3])),
        "status": draw(st.sampled_from(["confirmed"] * 5 + ["tentative", "cancelled"])),
    }


changes = st.one_of(
    st.tuples(st.just("answer"), which, responses),
    st.tuples(st.just("answer"), which, responses),
    st.tuples(st.just("move"), st.sampled_from([-9, -1, 1, 9]), st.just("")),
    st.tuples(st.just("status"), which, st.sampled_from(["confirmed", "cancelled"])),
    st.tuples(st.just("invite"), which, anybody),
    st.tuples(st.just("leave out"), which, st.just("")),
    st.tuples(st.just("drop"), which, st.just("")),
    st.tuples(st.just("touch"), which, st.just("")),
)


def filled(emails: list[str], size: int) -> tuple[str, ...]:
    return (*emails, *CROWD[: max(size - len(emails), 0)])
