"""Where one joins an online meeting."""

import re

from mailboxes.parsing.icslines import Component
from mailboxes.parsing.icsvalues import MAX_TEXT, unescaped

_PROPERTIES = (
    "CONFERENCE", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL",
    "X-MICROSOFT-ONLINEMEETINGCONFLINK",
)  # fmt: skip
_TEXTS = ("URL", "LOCATION", "DESCRIPTION")
_HOSTS = (
    "zoom.us", "zoomgov.com", "meet.google.com", "teams.microsoft.com", "teams.microsoft.us",
    "teams.live.com", "webex.com", "whereby.com", "meet.jit.si", "gotomeeting.com", "meet.goto.com",
    "bluejeans.com", "chime.aws",
)  # fmt: skip
_LINK = re.compile(r"https?://[^\x00-\x20\x7f-\xa0<>\"'\\)\]{}|^`]{4,1900}", re.IGNORECASE)
# Before an @ stands no host, however much it looks like one.
_HOST = re.compile(r"https?://([a-z0-9.-]+)(?::\d*)?(?:[/?#]|$)", re.IGNORECASE)


def conference_url(event: Component) -> str:
    for name in _PROPERTIES:
        for found in event.all(name):
            if link := _LINK.match(found.value):
                return link[0]
    for name in _TEXTS:
        text = event.value(name)
        for link in _LINK.finditer(unescaped(text)[:MAX_TEXT]) if "://" in text else ():
            if _is_meeting(link[0]):
                return link[0].rstrip(".,;:!?*")
    return ""


def _is_meeting(link: str) -> bool:
    found = _HOST.match(link)
    host = found[1].lower() if found else ""
    return any(host == known or host.endswith("." + known) for known in _HOSTS)
