"""The plain attributes of records: what people write down themselves, declared once."""

import unicodedata
from dataclasses import dataclass

from crm.edits.changing import CannotEdit

# What no text of ours holds: it cannot be stored, cannot be seen, or turns what is around it.
_UNWANTED = frozenset({"Cc", "Cs", "Co", "Cn"})
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class PlainAttribute:
    """`name` is also the model's field; `most` characters at most."""

    name: str
    label: str
    icon: str
    most: int
    width: int = 160
    is_long: bool = False

    def read(self, text: str) -> str:
        """What is stored of what somebody has typed. Raises CannotEdit if there is no room for it."""
        value = tidied(text)
        if len(value) > self.most:
            raise CannotEdit(f"{self.label} has room for {self.most} characters; this has {len(value)}.")
        return value


PLAIN = {
    "company": (
        PlainAttribute("industry", "Industry", "tag", 80),
        PlainAttribute("location", "Location", "pin", 120),
        PlainAttribute("description", "Description", "text", 500, width=240, is_long=True),
    ),
    "person": (
        PlainAttribute("job_title", "Job title", "tag", 120),
        PlainAttribute("phone", "Phone", "hash", 40),
        PlainAttribute("location", "Location", "pin", 120),
    ),
}


def plain_attribute(kind: str, name: str) -> PlainAttribute | None:
    return next((one for one in PLAIN[kind] if one.name == name), None)


def tidied(text: str) -> str:
    """One line of what can be seen, with single spaces."""
    spaced = "".join(" " if character.isspace() else character for character in text)
    seen = (c for c in spaced if c not in _TURNING and unicodedata.category(c) not in _UNWANTED)
    return " ".join("".join(seen).split())
