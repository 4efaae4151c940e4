"""Provider ids of an Exchange mailbox: the folder's prefix, then the item's own id."""

from collections.abc import Mapping, Sequence
from hashlib import sha256

from mailboxes.providers.exchange.folders import Folder
from mailboxes.providers.exchange.session import Session

_LONGEST = 500
# Stands before the digest of an id that is too long. No id of Exchange begins with it.
_SHORTENED = "~"


def provider_id(folder: Folder, id: str) -> str:
    """An id that is too long is found again by listing its folder."""
    whole = folder.prefix + id
    if len(whole) <= _LONGEST:
        return whole
    return f"{folder.prefix}{_SHORTENED}{sha256(id.encode()).hexdigest()}"


def is_shortened(provider_id: str) -> bool:
    return provider_id.partition("/")[2].startswith(_SHORTENED)


def own_ids(
    session: Session,
    folders: Mapping[str, Folder],
    provider_ids: Sequence[str],
    long: Mapping[str, str],
) -> dict[str, str]:
    """The server's ids by ours, of those in `folders` (by prefix). `long` are what is known of
    shortened ones."""
    ids, unknown = dict[str, str](), dict[str, list[str]]()
    for one in provider_ids:
        prefix, slash, own = one.partition("/")
        if prefix + slash not in folders or not own:
            continue
        if not is_shortened(one):
            ids[one] = own
        elif one in long:
            ids[one] = long[one]
        else:
            unknown.setdefault(prefix + slash, []).append(one)
    for prefix, some in unknown.items():
        ids |= _listed(session, folders[prefix], some)
    return {one: ids[one] for one in provider_ids if one in ids}


def _listed(session: Session, folder: Folder, wanted: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    position, is_last = "", False
    while not is_last and len(found) < len(wanted):
        page = session.changes(folder.id, position)
        position, is_last = page.state, page.is_last or page.is_stuck
        for change in page.changes:
            if (short := provider_id(folder, change.id)) in wanted:
                found[short] = change.id
    return found
