"""People in events of Microsoft Graph."""

from typing import Any

from tests.fakes.faults import words

Fields = dict[str, Any]
RESPONSES = words("none organizer tentativelyAccepted accepted declined notResponded")
KINDS = words("required optional resource")
NEVER = "0001-01-01T00:00:00Z"


def person(address: str, name: str = "") -> Fields:
    return {"emailAddress": {"name": name or address, "address": address}}


def attendee(address: str, response: str = "none", *, name: str = "", kind: str = "required") -> Fields:
    return {"type": kind, "status": {"response": response, "time": NEVER}} | person(address, name)
