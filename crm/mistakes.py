"""Our own mistakes, for the log: where, but not with what, as that may be somebody's mail."""

import logging
import traceback


def log_mistake(logger: logging.Logger, what: str, error: BaseException) -> None:
    """`what` was being done, without names or words of anybody's."""
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s: %s\n%s", what, type(error).__name__, where)
