"""Run a stream here and now, for commands and tests, rather than in a worker."""

from mailboxes.leasing import take
from mailboxes.models import SyncStream
from mailboxes.reading import Counts
from mailboxes.syncing import run


class Busy(Exception):
    """A worker is reading this stream."""


def run_now(stream: SyncStream) -> Counts:
    lease = take(stream.pk)
    if lease is None:
        raise Busy(f"{stream} is being read already. Try again in a few minutes.")
    return run(lease, slice_seconds=None)
