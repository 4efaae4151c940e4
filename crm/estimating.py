"""When long work will have ended, in words."""

from datetime import datetime

from crm.plurals import counted

_TOO_EARLY = 2  # seconds before anything is said
_HOURS = 90  # minutes from which hours are said


def time_left(share: float, began: datetime | None, now: datetime) -> str:
    """`about 6 minutes left`, as if it went on as since `began`; `share` of 1 is done. Empty where
    there is nothing to go by."""
    seconds = (now - began).total_seconds() if began else 0
    if not 0 < share <= 1 or seconds < _TOO_EARLY:
        return ""
    rest = seconds / share * (1 - share)
    if rest < 60:
        return "less than a minute left"
    minutes = round(rest / 60)
    if minutes < _HOURS:
        return f"about {counted(minutes, 'minute')} left"
    return f"about {counted(round(minutes / 60), 'hour')} left"
