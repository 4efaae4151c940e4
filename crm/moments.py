"""Times in words, in the zone of whoever reads them. Pure, but for the active time zone."""

from datetime import UTC, date, datetime, timedelta

from django.utils import timezone

_MINUTE, _HOUR = 60, 3600


def relative(moment: datetime, now: datetime, *, is_all_day: bool = False) -> str:
    """`12 min ago`, `Yesterday`, `3 days ago`; what is to come: `Tomorrow, 14:00`."""
    if moment > now:
        return _ahead(moment, now, is_all_day=is_all_day)
    seconds = (now - moment).total_seconds()
    days = (day_of(now) - day_of(moment, is_all_day=is_all_day)).days
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
    local = _local(moment, is_all_day=is_all_day)
    day = f"{local:%a} {local.day} {local:%b %Y}"
    return day if is_all_day else f"{day}, {local:%H:%M}"


def short(moment: datetime, *, is_all_day: bool = False) -> str:
    """Inside a month that is named above: `Fri 20, 16:48`."""
    local = _local(moment, is_all_day=is_all_day)
    day = f"{local:%a} {local.day}"
    return day if is_all_day else f"{day}, {local:%H:%M}"


def machine(moment: datetime, *, is_all_day: bool = False) -> str:
    """For `<time datetime>`: an instant in UTC, or a date."""
    in_utc = moment.astimezone(UTC)
    return in_utc.date().isoformat() if is_all_day else in_utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def day_of(moment: datetime, *, is_all_day: bool = False) -> date:
    return _local(moment, is_all_day=is_all_day).date()


def _local(moment: datetime, *, is_all_day: bool) -> datetime:
    """An all-day event lies at 00:00 UTC of its date, wherever it is looked at from."""
    return moment.astimezone(UTC) if is_all_day else timezone.localtime(moment)


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


def _ahead(moment: datetime, now: datetime, *, is_all_day: bool) -> str:
    local = _local(moment, is_all_day=is_all_day)
    days = (local.date() - day_of(now)).days
    if days <= 0:
        day = "Today"
    elif days == 1:
        day = "Tomorrow"
    elif days < 7:
        day = f"{local:%a}"
    else:
        day = f"{local.day} {local:%b}"
        if local.date() - day_of(now) > timedelta(days=300):
            day = f"{day} {local.year}"
    return day if is_all_day else f"{day}, {local:%H:%M}"
