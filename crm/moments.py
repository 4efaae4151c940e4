"""Times in words, in the zone of whoever reads them, and as people write there. Pure, but for those two."""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from crm.regional import clock, day_words

_MINUTE, _HOUR = 60, 3600


class Told(NamedTuple):
    relative: str
    absolute: str
    machine: str


def told(moment: datetime, now: datetime, *, is_all_day: bool = False) -> Told:
    """All three at once, for a table's page has hundreds. `now` is in the reader's zone: to look for that
    every time is most of the work."""
    local = moment.astimezone(UTC if is_all_day else now.tzinfo)
    return Told(
        _relative(local, now, now.date(), is_all_day=is_all_day),
        _absolute(local, is_all_day=is_all_day),
        machine(local, is_all_day=is_all_day),
    )


def relative(moment: datetime, now: datetime, *, is_all_day: bool = False) -> str:
    """`12 min ago`, `Yesterday`, `3 days ago`; what is to come: `Tomorrow, 14:00`."""
    return _relative(_local(moment, is_all_day=is_all_day), now, day_of(now), is_all_day=is_all_day)


def _relative(local: datetime, now: datetime, today: date, *, is_all_day: bool) -> str:
    if local > now:
        return _ahead(local, today, is_all_day=is_all_day)
    seconds = (now - local).total_seconds()
    days = (today - local.date()).days
    if is_all_day:
        return "Today" if days <= 0 else _days_ago(days)
    if seconds < _MINUTE:
        return "Just now"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min ago"
    if seconds < 12 * _HOUR or days == 0:
        return f"{int(seconds // _HOUR)} h ago"
    return _days_ago(days)


def absolute(moment: datetime, *, is_all_day: bool = False) -> str:
    """`Mon 23 Nov 2026, 10:30`; an all-day event is a date and has no time."""
    return _absolute(_local(moment, is_all_day=is_all_day), is_all_day=is_all_day)


def _absolute(local: datetime, *, is_all_day: bool) -> str:
    day = day_words(local.date(), weekday="%a", with_year=True)
    return day if is_all_day else f"{day}, {clock(local)}"


def short(moment: datetime, now: datetime, *, is_all_day: bool = False) -> str:
    """Inside a month that is named above: `Fri 20, 16:48`, `Today, 10:30`."""
    local = _local(moment, is_all_day=is_all_day)
    day = "Today" if local.date() == day_of(now) else f"{local:%a} {local.day}"
    return day if is_all_day else f"{day}, {clock(local)}"


def in_stretch(moment: datetime, now: datetime) -> str:
    """Under the heading that `stretch` gives: `10:30` today and yesterday, `Fri` this week and last."""
    local, today = _local(moment, is_all_day=False), day_of(now)
    if (today - local.date()).days < 2:
        return clock(local)
    return f"{local:%a}" if _weeks_ago(local.date(), today) < 2 else in_list(moment, now)


def in_list(moment: datetime, now: datetime, *, is_all_day: bool = False) -> str:
    """`10:30`, `Fri`, `10 Nov`, `10 Nov 2025`; a date that is today's is `today`."""
    local, today = _local(moment, is_all_day=is_all_day), day_of(now)
    days = (today - local.date()).days
    if days <= 0:
        return "today" if is_all_day else clock(local)
    if days < 7:
        return f"{local:%a}"
    return day_words(local.date(), with_year=local.year != today.year)


def on_message(moment: datetime, now: datetime) -> str:
    """`Today, 09:47`, `Thu 19 Nov, 09:02`, with the year where it is another."""
    local, today = _local(moment, is_all_day=False), day_of(now)
    days = (today - local.date()).days
    if days < 2:
        return f"{'Today' if days <= 0 else 'Yesterday'}, {clock(local)}"
    day = day_words(local.date(), weekday="%a", with_year=local.year != today.year)
    return f"{day}, {clock(local)}"


def stretch(moment: datetime, now: datetime) -> str:
    """The heading it stands under: `Today`, `Last week`, `Earlier in November`, `October 2025`."""
    day, today = day_of(moment), day_of(now)
    days = (today - day).days
    if days < 2:
        return "Today" if days <= 0 else "Yesterday"
    weeks = _weeks_ago(day, today)
    if weeks < 2:
        return "Last week" if weeks else "Earlier this week"
    if (day.year, day.month) == (today.year, today.month):
        return f"Earlier in {day:%B}"
    return f"{day:%B}" if day.year == today.year else f"{day:%B %Y}"


def _weeks_ago(day: date, today: date) -> int:
    """How many Mondays lie between."""
    return (today - timedelta(days=today.weekday()) - (day - timedelta(days=day.weekday()))).days // 7


def machine(moment: datetime, *, is_all_day: bool = False) -> str:
    """For `<time datetime>`: an instant in UTC, or a date."""
    in_utc = moment.astimezone(UTC).isoformat(timespec="seconds")
    return in_utc[:10] if is_all_day else f"{in_utc[:19]}Z"


def day_of(moment: datetime, *, is_all_day: bool = False) -> date:
    return _local(moment, is_all_day=is_all_day).date()


def _local(moment: datetime, *, is_all_day: bool) -> datetime:
    """An all-day event lies at 00:00 UTC of its date, wherever it is looked at from."""
    return moment.astimezone(UTC if is_all_day else timezone.get_current_timezone())


def _days_ago(days: int) -> str:
    if days < 2:
        return "Yesterday"
    if days < 14:
        return f"{days} days ago"
    if days < 60:
        return f"{days // 7} weeks ago"
    if days < 365:
        return f"{days // 30} months ago"
    return "1 year ago" if days < 730 else f"{days // 365} years ago"


def _ahead(local: datetime, today: date, *, is_all_day: bool) -> str:
    days = (local.date() - today).days
    if days <= 0:
        day = "Today"
    elif days == 1:
        day = "Tomorrow"
    elif days < 7:
        day = f"{local:%a}"
    else:
        day = day_words(local.date(), with_year=days > 300)
    return day if is_all_day else f"{day}, {clock(local)}"
