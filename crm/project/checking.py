"""Settings that would start up and only fail later: which variable it is, and what to write there. Values are
not repeated, as they have passwords in them."""

import os
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import dj_email_url
from cryptography.fernet import Fernet

from crm.plans import Plan
from crm.project.environment import DATA_DIR, flag, text, words

# With any other number uvicorn starts its processes again, for ever.
CANNOT_START = 3
SHORTEST_SECRET = 32
# Mail that goes to the log, or nowhere.
NOWHERE = {"console:", "dummy:"}
SCHEMES = {
    "DATABASE_URL": ({"postgresql", "postgres", "pgsql"}, "postgresql://user:password@host/name"),
    "REDIS_URL": ({"redis", "rediss", "unix"}, "redis://host:6379/0"),
    "EMAIL_URL": (set(dj_email_url.SCHEMES), "smtp://user:password@host:587/?tls=True"),
}


def refuse_wrong_settings() -> None:
    """Ends the process, whichever it is, before it has begun anything."""
    if wrong := problems():
        sys.stderr.write("\n  ".join(["This cannot start:", *wrong]) + "\n")
        sys.exit(CANNOT_START)
    for remark in remarks():
        sys.stderr.write(f"{remark}\n")


def problems() -> list[str]:
    return [*_keys(), *_public_url(), *_addresses(), *_authorities(), *_plan()]


def remarks() -> Iterator[str]:
    """No reason to end: an update must not stop what has run so far, and not every command writes."""
    yield from _folders()
    secret = text("SECRET_KEY")
    if secret and len(secret) < SHORTEST_SECRET and not flag("DEBUG"):
        yield (
            f"SECRET_KEY has only {len(secret)} characters, and sessions can be forged by who guesses it. "
            "Write any fifty random ones; everybody signs in again then."
        )


def _keys() -> Iterator[str]:
    for number, key in enumerate(words("CREDENTIAL_KEYS"), start=1):
        try:
            Fernet(key)
        except ValueError:
            yield (
                f"CREDENTIAL_KEYS: number {number} is no Fernet key. Make one: python -c "
                '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
            )


def _public_url() -> Iterator[str]:
    given = text("PUBLIC_URL")
    url = _split(given)
    if given and (url is None or url.scheme not in ("http", "https") or not url.hostname):
        yield "PUBLIC_URL is no address of a site. Write it out: https://crm.example.com"


def _plan() -> Iterator[str]:
    given = text("DEFAULT_PLAN")
    if given and given not in Plan.values:
        yield f"DEFAULT_PLAN is none of the plans there are. Write one of {', '.join(Plan.values)}."


def _addresses() -> Iterator[str]:
    for name, (schemes, example) in SCHEMES.items():
        given = text(name)
        url = _split(given)
        is_whole = "://" in given or given in NOWHERE
        if given and (url is None or url.scheme not in schemes or not is_whole):
            known = ", ".join(f"{one}://" for one in sorted(schemes))
            yield (
                f"{name} is not understood. It begins with one of {known} and looks like {example}; "
                "in a password write %2F for /, %40 for @, %23 for #, %3A for : and %3F for ?"
            )


def _split(given: str) -> SplitResult | None:
    """None where no server could be named by it."""
    try:
        url = urlsplit(given)
        _ = url.port
    except ValueError:
        return None
    return url


def _authorities() -> Iterator[str]:
    file = text("EGRESS_CA_FILE")
    if not file:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except OSError as error:
        why = "it has no certificates in PEM form" if isinstance(error, ssl.SSLError) else error.strerror
        yield f"EGRESS_CA_FILE: {file} cannot be read: {why}. Write the path of a PEM file, or nothing."


def _folders() -> Iterator[str]:
    folders = [DATA_DIR / name for name in ("", "incoming", "imports", "uploads", "uploads/incoming")]
    for folder in dict.fromkeys(map(_nearest, folders)):
        if not folder.is_dir():
            yield f"RAPPORT_DATA: {folder} is no folder. Move it away, or write the path of another folder."
        elif not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
            yield (
                f"RAPPORT_DATA: user {os.geteuid()}, as whom this runs, cannot write to {folder}. "
                "Give it to that user (chown), or write the path of another folder."
            )


def _nearest(folder: Path) -> Path:
    """The folder, or the one that it would be made in. What cannot even be looked at is not there."""
    return next(one for one in (folder, *folder.parents) if os.path.exists(one))  # noqa: PTH110
