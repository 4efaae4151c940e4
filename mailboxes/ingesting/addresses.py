"""E-mail addresses as rows of Address, with the best name seen for each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from crm.addresses import domain_of, is_freemail, kind, registrable_domain, without_tag
from crm.naming import judged_name, name_key
from crm.statements import arrays, execute, fetch
from mailboxes.parsing.values import NamedAddress, ParsedAttendee
from mailboxes.screening import Insiders


@dataclass(frozen=True, slots=True, order=True)
class SeenName:
    """Ordered by how much it is worth: the better written, then the newer, then the text, so that
    the same name wins in whatever order mail arrives."""

    rank: int
    seen_at: datetime
    name: str


class Sightings:
    """The addresses of one page of items, and the best name each was given."""

    def __init__(self) -> None:
        self.names: dict[str, SeenName] = {}

    def add(self, one: NamedAddress | ParsedAttendee, *, at: datetime, own: bool) -> None:
        """`own`: written by its bearer, as in From, which beats what others call somebody."""
        quality, name = _judge(one.name, one.email)
        seen = SeenName(2 * quality + own, at, name)
        self.names[one.email] = max(seen, self.names.get(one.email, seen))


@lru_cache(maxsize=20_000)
def _judge(display_name: str, email: str) -> tuple[int, str]:
    """The same few hundred people fill a mailbox."""
    quality, name = judged_name(display_name, email)
    return quality, name[:200]


_MAY_BE_CONTACTED = "NOT is_contacted AND NOT is_internal AND kind <> 'automated'"

# What a statement changes it does not see: `was` is the address as it stood before. Its person may
# be called something else now if that name differs, or if there is another address to weigh it with.
UPSERT = f"""
    WITH come AS (
        INSERT INTO crm_address AS a (workspace_id, email, domain, kind, is_freemail, is_internal,
            is_contacted, member_id, display_name, display_name_rank, display_name_seen)
        SELECT %(workspace)s, u.email, u.domain, u.kind, u.is_freemail, u.is_internal, false,
               base.member_id, u.name, u.rank, u.seen
        FROM unnest(%(emails)s::text[], %(domains)s::text[], %(kinds)s::text[], %(freemails)s::bool[],
                    %(internals)s::bool[], %(bases)s::text[], %(names)s::text[], %(ranks)s::int[],
                    %(seens)s::timestamptz[])
             AS u(email, domain, kind, is_freemail, is_internal, base, name, rank, seen)
        -- ada+shop@ is Ada
        LEFT JOIN crm_address base ON base.workspace_id = %(workspace)s AND base.email = u.base
             AND base.member_id IS NOT NULL
        ORDER BY u.email
        ON CONFLICT (workspace_id, email) DO UPDATE SET display_name = excluded.display_name,
            display_name_rank = excluded.display_name_rank,
            display_name_seen = excluded.display_name_seen
        WHERE a.display_name_seen IS NULL
           OR (a.display_name_rank, a.display_name_seen, a.display_name)
            < (excluded.display_name_rank, excluded.display_name_seen, excluded.display_name)
        RETURNING a.*
    )
    SELECT come.email, come.id, {_MAY_BE_CONTACTED},
           CASE WHEN come.display_name
                     <> (SELECT was.display_name FROM crm_address was WHERE was.id = come.id)
                  OR EXISTS (SELECT FROM crm_address other
                             WHERE other.person_id = come.person_id AND other.id <> come.id)
                THEN come.person_id END
    FROM come
    UNION ALL
    SELECT email, id, {_MAY_BE_CONTACTED}, NULL FROM crm_address
    WHERE workspace_id = %(workspace)s AND email = ANY(%(emails)s::text[])
"""

BEST_NAMES = """
    SELECT DISTINCT ON (p.id) p.id, a.display_name
    FROM crm_person p JOIN crm_address a ON a.person_id = p.id
    WHERE p.id = ANY(%(people)s) AND NOT p.named_by_hand AND a.display_name <> ''
    ORDER BY p.id, a.display_name_rank DESC, a.display_name_seen DESC NULLS LAST, a.display_name DESC
"""

RENAME = """
    UPDATE crm_person p SET name = u.name, name_key = u.key
    FROM unnest(%(ids)s::bigint[], %(names)s::text[], %(keys)s::text[]) AS u(id, name, key)
    WHERE p.id = u.id AND p.name <> u.name
"""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The id of every address seen, and which of them nobody here has written to so far."""

    ids: dict[str, int]
    uncontacted: frozenset[int]

    def mark_contacted(self, emails: Iterable[str]) -> None:
        mark_contacted({self.ids[email] for email in emails} & self.uncontacted)


def resolve(workspace_id: int, sightings: Sightings, insiders: Insiders) -> Resolved:
    """Rows are made for new addresses, people get better names."""
    rows = [_row(email, seen, insiders) for email, seen in sightings.names.items()]
    columns = arrays(
        rows,
        "emails", "domains", "kinds", "freemails", "internals", "bases", "names", "ranks", "seens",
    )  # fmt: skip
    found = fetch(UPSERT, workspace=workspace_id, **columns)
    rename_people({person for *_, person in found if person})
    return Resolved(
        ids={email: pk for email, pk, _, _ in found},
        uncontacted=frozenset(pk for _, pk, may_be, _ in found if may_be),
    )


def rename_people(person_ids: Iterable[int]) -> None:
    """Give people the best name among their addresses', unless somebody has named them."""
    best = fetch(BEST_NAMES, people=people) if (people := list(person_ids)) else []
    if best:
        rows = ((person, name, name_key(name)) for person, name in best)
        execute(RENAME, **arrays(rows, "ids", "names", "keys"))


MARK_CONTACTED = f"""
    UPDATE crm_address SET is_contacted = true WHERE id = ANY(%(ids)s) AND {_MAY_BE_CONTACTED}
"""


def mark_contacted(address_ids: Iterable[int]) -> None:
    """Somebody here has written to these: what enhanced record creation waits for."""
    if ids := list(address_ids):
        execute(MARK_CONTACTED, ids=ids)


def _row(email: str, seen: SeenName, insiders: Insiders) -> tuple[object, ...]:
    domain = registrable_domain(domain_of(email))
    return (
        email,
        domain,
        kind(email),
        is_freemail(domain),
        insiders.include(email),
        without_tag(email),
        seen.name,
        seen.rank,
        seen.seen_at,
    )
