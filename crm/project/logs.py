import logging


def is_told_whole(record: logging.LogRecord) -> bool:
    """Everything is logged; a traceback belongs to a failure of ours, not to a request that was refused."""
    if 400 <= getattr(record, "status_code", 500) < 500:
        record.exc_info = None
    return True
