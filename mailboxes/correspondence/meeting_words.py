"""When an event is and what it says, in words for whoever reads them. Pure, but for the active time
zone; what others wrote comes out escaped, with links that tell nobody where they were followed."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils import timezone
from django.utils.html import Urlizer
from django.utils.safestring import SafeString

from crm import moments
from crm.regional import clock, day_words
from mailboxes.parsing.text import is_suspicious, is_too_hard, render_html, strip_tags

MOST_TEXT = 20_000
# What is shown of a description before it is unfolded.
FOLDED_TEXT, FOLDED_LINES = 500, 8
LONGEST_LINK = 70

_HTML = re.compile(
    r"<(?:/[a-z][a-z0-9]*|(?:a|b|br|div|h[1-6]|html|i|img|li|ol|p|span|table|u|ul)\b[^<>]*)>", re.I
)
_BREAKING = re.compile(r"<(?:br|div|li|p|table)\b", re.I)
_LINK = re.compile(
    r"""<a\s[^<>]{0,500}?href=["'](https?://[^"'<>]{1,1900})["'][^<>]{0,500}>([^<>]{0,300})</a>""", re.I
)
_CUT_TAG = re.compile(r"<[^<>]{0,2000}$")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SPACE = re.compile(r"\s")
# Before an @ stands no host, however much it looks like one.
_MEETING_URL = re.compile(r"https?://([a-z0-9.-]+)(?::\d{1,5})?(?:[/?#][^\s\\]*)?", re.I)


class _Linked(Urlizer):
    url_template = '<a href="{href}" target="_blank" rel="noopener noreferrer nofollow">{url}</a>'


_linked = _Linked()


@dataclass(frozen=True, slots=True)
class When:
    """`elsewhere` is the same time in the event's own zone, where that shows another."""

    words: str
    title: str
    machine: str
    month: str
    day: int
    elsewhere: str = ""
    elsewhere_zone: str = ""


def when(starts_at: datetime, ends_at: datetime, *, all_day: bool, zone: str, now: datetime) -> When:
    today = timezone.localtime(now).date()
    if all_day:
        return _when_all_day(starts_at, ends_at, today)
    start, end = timezone.localtime(starts_at), timezone.localtime(ends_at)
    ends = clock(end) if end.date() == start.date() else moments.absolute(ends_at)
    return When(
        _times(start, end, today),
        f"{moments.absolute(starts_at)} – {ends}, {timezone.get_current_timezone_name()}",
        moments.machine(starts_at),
        f"{start:%b}",
        start.day,
        *_elsewhere(start, end, zone),
    )


def _when_all_day(starts_at: datetime, ends_at: datetime, today: date) -> When:
    first = moments.day_of(starts_at, is_all_day=True)
    last_at = max(ends_at - timedelta(days=1), starts_at)
    last = moments.day_of(last_at, is_all_day=True)
    words, title = f"{_day(first, today)}, all day", moments.absolute(starts_at, is_all_day=True)
    if last > first:
        words = f"{_day(first, today)} – {_far_day(last, today)}, {(last - first).days + 1} days"
        title = f"{title} – {moments.absolute(last_at, is_all_day=True)}"
    return When(words, title, moments.machine(starts_at, is_all_day=True), f"{first:%b}", first.day)


def _times(start: datetime, end: datetime, today: date) -> str:
    begins = f"{_day(start.date(), today)}, {clock(start)}"
    minutes = int(end.timestamp() - start.timestamp()) // 60  # clocks may change in between
    # Midnight ends a day more than it begins one.
    if (end - timedelta(microseconds=1)).date() <= start.date():
        return f"{begins} – {clock(end)}, {_length(minutes)}" if minutes else begins
    return f"{begins} – {_far_day(end.date(), today)}, {clock(end)}"


def _length(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return " ".join(f"{number} {unit}" for number, unit in ((hours, "h"), (rest, "min")) if number)


def lasting(starts_at: datetime, ends_at: datetime, *, all_day: bool) -> str:
    """In a line of a list: `90 min`, `2 h 30 min`, `All day`, `3 days`."""
    if all_day:
        days = (ends_at - starts_at).days
        return f"{days} days" if days > 1 else "All day"
    minutes = int((ends_at - starts_at).total_seconds()) // 60
    return f"{minutes} min" if 0 < minutes <= 90 else _length(max(minutes, 0))


def _day(day: date, today: date) -> str:
    near = {-1: "Yesterday, ", 0: "Today, ", 1: "Tomorrow, "}.get((day - today).days, "")
    return near + _far_day(day, today)


def _far_day(day: date, today: date) -> str:
    return day_words(day, weekday="%A", month="%B", with_year=day.year != today.year)


def _elsewhere(start: datetime, end: datetime, name: str) -> tuple[str, str]:
    """The time there and the zone's name. Nothing for UTC, which is also what a calendar says that
    knows no zone."""
    try:
        zone = ZoneInfo(name or "UTC")
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return "", ""
    there = start.astimezone(zone)
    if zone.key == "UTC" or there.utcoffset() == start.utcoffset():
        return "", ""
    day = "" if there.date() == start.date() else f"{there:%a} {there.day}, "
    place = zone.key.rpartition("/")[2].replace("_", " ")
    return f"{day}{clock(there)} – {clock(end.astimezone(zone))} in {place}", zone.key


def description(said: str) -> tuple[SafeString, SafeString]:
    """What is shown at once, and the rest."""
    shown, rest = folded(plain(said))
    return linked(shown), linked(rest)


def plain(said: str) -> str:
    """Providers send text or HTML and do not say which."""
    text = said if len(said) <= MOST_TEXT else _CUT_TAG.sub("", said[:MOST_TEXT])
    if not _HTML.search(text):
        return _DIRECTION.sub("", text).strip()
    if not _BREAKING.search(text):
        text = text.replace("\n", "<br>")
    text = _LINK.sub(_with_address, text)
    is_hard = is_too_hard(text) or is_suspicious(text)
    return _DIRECTION.sub("", strip_tags(text) if is_hard else render_html(text))


def _with_address(link: re.Match[str]) -> str:
    """`Agenda (https://…)`: a link as text would lose where it leads."""
    address, words = link[1], link[2].strip()
    return address if not words or words in address else f"{words} ({address})"


def folded(text: str) -> tuple[str, str]:
    """Cut after a few lines, but never inside a word, and not for the sake of a few more."""
    lines = text.split("\n", FOLDED_LINES)[:FOLDED_LINES]
    most = min(FOLDED_TEXT, sum(len(line) + 1 for line in lines))
    if len(text) <= most + FOLDED_TEXT // 4:
        return text, ""
    cut = max(text.rfind(space, 0, most) for space in " \n")
    if cut < most // 2:
        following = _SPACE.search(text, most)
        cut = following.start() if following else len(text)
    return text[:cut].rstrip(), text[cut:].strip()


def linked(text: str) -> SafeString:
    return SafeString(_linked(text, trim_url_limit=LONGEST_LINK, autoescape=True))


def meeting_host(url: str) -> str:
    """Empty for what is no address of the web."""
    found = _MEETING_URL.fullmatch(url)
    return found[1].lower() if found else ""
