"""The demo as an export would leave it: one mbox and one calendar file per member."""

import re
from pathlib import Path

from intelligence.demo.building import Account
from intelligence.demo.letters import separator

_FROM = re.compile(rb"^(>*From )", re.MULTILINE)


def write(account: Account, folder: Path) -> dict[str, list[str]]:
    """Their paths, as a mailbox of kind archive wants them."""
    folder.mkdir(parents=True, exist_ok=True)
    name = account.member.email.partition("@")[0]
    mbox, ics = folder / f"{name}.mbox", folder / f"{name}.ics"
    with mbox.open("wb") as file:
        for letter in account.mail:
            file.write(separator(letter.sender, letter.at))
            file.write(_escaped(letter.raw))
            file.write(b"\n")
    ics.write_text("".join(account.calendars), "utf-8", newline="")
    return {"mbox": [str(mbox)], "ics": [str(ics)]}


def _escaped(raw: bytes) -> bytes:
    """As in mboxrd: only the body, and every line that would look like a separator."""
    if b"From " not in raw:
        return raw
    head, blank, body = raw.partition(b"\n\n")
    return head + blank + _FROM.sub(rb">\1", body)
