"""The plain attributes of records: what people write down themselves, declared once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlainAttribute:
    """`name` is also the model's field; `most` characters at most."""

    name: str
    label: str
    icon: str
    most: int
    width: int = 160
    is_long: bool = False


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
