"""Times in templates, in the reader's zone."""

import re
from datetime import date, datetime

from django import template
from django.utils import timezone

from crm import moments
from crm.regional import day_words

register = template.Library()

_WITHIN = re.compile(r"(?<!,) ")


@register.filter
def ago(moment: datetime) -> str:
    """`5 min ago`; nothing for a moment that has not been."""
    words = moments.relative(moment, timezone.now())
    return words if words.endswith("ago") else words.lower()


@register.filter
def briefly(moment: datetime) -> str:
    """`5 min`, where everything is past."""
    return moments.relative(moment, timezone.now()).removesuffix(" ago")


@register.filter
def absolute(moment: datetime) -> str:
    return moments.absolute(moment)


@register.filter(expects_localtime=True)
def day(of: date) -> str:
    """`14 Mar 2026`."""
    return day_words(of, with_year=True)


@register.filter
def unbroken(words: str) -> str:
    """Several of the above: a line may end after a comma, and not between a month and its day."""
    return _WITHIN.sub("\N{NO-BREAK SPACE}", words)


@register.filter
def instant(moment: datetime) -> str:
    return moments.machine(moment)
