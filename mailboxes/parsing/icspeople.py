"""Who is invited to an event, and by whom."""

from urllib.parse import unquote

from crm.addresses import normalise
from mailboxes.parsing.icslines import Component, Property
from mailboxes.parsing.icsvalues import unescaped
from mailboxes.parsing.text import one_line
from mailboxes.parsing.values import NamedAddress, ParsedAttendee

MAX_NAME = 200

_ANSWERS = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}
_NO_ANSWER = "needs_action"
_THINGS = frozenset({"ROOM", "RESOURCE"})
_OPTIONAL = frozenset({"OPT-PARTICIPANT", "NON-PARTICIPANT"})


def organiser(event: Component) -> NamedAddress | None:
    found = event.one("ORGANIZER")
    email = _email(found) if found else None
    return NamedAddress(email, _name(found)) if email and found else None


def attendees(event: Component, by: NamedAddress | None) -> tuple[ParsedAttendee, ...]:
    """Everybody invited, once, and the organiser among them; rooms and resources are nobody."""
    people: dict[str, ParsedAttendee] = {}
    for found in event.all("ATTENDEE"):
        if one := _attendee(found):
            known = people.get(one.email)
            people[one.email] = _merged(known, one) if known else one
    if by:
        own = people.get(by.email)
        answer = own.response if own and own.response != _NO_ANSWER else "accepted"
        people[by.email] = ParsedAttendee(by.email, by.name or (own.name if own else ""), answer)
    return tuple(people.values())


def fewer(
    people: tuple[ParsedAttendee, ...], by: NamedAddress | None, most: int
) -> tuple[ParsedAttendee, ...]:
    """The first `most`, and in any case the organiser."""
    kept = people[:most]
    missing = [one for one in people[most:] if by and one.email == by.email]
    return (*kept[: most - len(missing)], *missing)


def _attendee(found: Property) -> ParsedAttendee | None:
    email = _email(found)
    if email is None or _parameter(found, "CUTYPE") in _THINGS:
        return None
    response = _ANSWERS.get(_parameter(found, "PARTSTAT"), _NO_ANSWER)
    return ParsedAttendee(email, _name(found), response, _parameter(found, "ROLE") in _OPTIONAL)


def _merged(one: ParsedAttendee, other: ParsedAttendee) -> ParsedAttendee:
    """The first answer counts, and so does the first name."""
    response = one.response if one.response != _NO_ANSWER else other.response
    return ParsedAttendee(one.email, one.name or other.name, response, one.optional and other.optional)


def _parameter(found: Property, name: str) -> str:
    return found.parameters.get(name, "").strip().upper()


def _email(found: Property) -> str | None:
    """Where the value is a path or a URN, Google and Apple put the address into EMAIL=."""
    return _normalised(found.value) or _normalised(found.parameters.get("EMAIL", ""))


def _normalised(value: str) -> str | None:
    value = value.strip()
    if value[:7].lower() == "mailto:":
        value = unquote(value[7:].partition("?")[0]).strip(" <>")
    return normalise(value)


def _name(found: Property) -> str:
    """An address is no name. `^'` is how a parameter spells a quotation mark (RFC 6868)."""
    text = found.parameters.get("CN", "")
    if "^" in text:
        text = text.replace("^n", " ").replace("^'", '"').replace("^^", "^")
    name = one_line(unescaped(text), MAX_NAME)
    return "" if "@" in name and normalise(name) else name
