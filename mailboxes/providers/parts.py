"""An account has many folders or calendars, and one that cannot be read keeps nobody from the others."""

import logging
from collections.abc import Sequence

from mailboxes.providers.base import SetupWrong, TryLater

logger = logging.getLogger(__name__)


def report(problems: Sequence[SetupWrong], count: int, *, lasting: type[SetupWrong] | None = None) -> None:
    """What could not be listed is tried again at the next poll; the owner hears of it when it is all there
    is. Only problems that are `lasting` are his to mend: the others are parts that went away meanwhile."""
    for problem in problems:
        logger.warning("one of several parts of an account cannot be listed: %s", type(problem).__name__)
    if problems and len(problems) == count:
        raise next(
            (one for one in problems if lasting and isinstance(one, lasting)), TryLater(str(problems[0]))
        )
