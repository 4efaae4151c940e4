"""Two things at once, in one order: the first has happened and is not committed when the second begins."""

import threading
import time
from collections.abc import Callable

from django.db import connection, transaction

from crm.statements import fetch

# Unlike what pg_stat_activity says, this is not kept for the rest of a transaction.
_WAITS = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND database = (
        SELECT oid FROM pg_database WHERE datname = current_database()))
"""


def meanwhile(
    first: Callable[[], object], second: Callable[[], object], *, then: Callable[[], object] = lambda: None
) -> None:
    """`second` runs in a thread with a connection of its own and has to wait for a lock that `first` took;
    what it raises is raised here. `then` is done while it waits, in the transaction of `first`."""
    raised: list[BaseException] = []

    def act() -> None:
        try:
            second()
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    acting = threading.Thread(target=act)
    with transaction.atomic():
        first()
        acting.start()
        ends = time.monotonic() + 20
        while acting.is_alive() and time.monotonic() < ends and not fetch(_WAITS)[0][0]:
            acting.join(0.01)
        assert acting.is_alive() and time.monotonic() < ends, "the second did not wait for the first"
        then()
    acting.join(20)
    assert not acting.is_alive()
    if raised:
        raise raised[0]
