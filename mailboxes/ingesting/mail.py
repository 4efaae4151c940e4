"""Messages: one per workspace, one copy per mailbox."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from crm.statements import arrays, execute, fetch
from mailboxes import screening
from mailboxes.ingesting.addresses import Resolved, Sightings, resolve
from mailboxes.ingesting.identity import message_identity
from mailboxes.ingesting.threads import Place, ensure_threads, place, settle
from mailboxes.models import Mailbox, ParticipantRole
from mailboxes.parsing.values import NamedAddress, ParsedMail
from mailboxes.screening import Insiders

CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class MailItem:
    """A parsed and screened message on its way into a mailbox; `size` in bytes."""

    provider_id: str
    mail: ParsedMail
    size: int
    identity: bytes
    place: Place
    occurred_at: datetime
    is_sent: bool

    @property
    def is_contact(self) -> bool:
        return self.mail.category == CONTACT

    @property
    def recipients(self) -> int:
        return len({one.email for one in (*self.mail.to, *self.mail.cc)})


@dataclass(frozen=True, slots=True)
class Stored:
    """What a page changed: messages that are new or differ, and the addresses it mentions."""

    message_ids: list[int]
    address_ids: list[int]
    copies: int


def mail_item(
    mail: ParsedMail,
    *,
    mailbox: Mailbox,
    own_emails: frozenset[str],
    provider_id: str,
    size: int,
    by_provider: datetime | None,
    now: datetime,
) -> MailItem:
    identity = message_identity(mail, mailbox_id=mailbox.pk, provider_id=provider_id)
    return MailItem(
        provider_id=provider_id,
        mail=mail,
        size=size,
        identity=identity,
        place=place(mail, identity),
        occurred_at=screening.occurred_at(mail, by_provider=by_provider, imported_at=now),
        is_sent=any(screening.is_own(one.email, own_emails) for one in mail.sender),
    )


def store_mail(mailbox: Mailbox, items: Sequence[MailItem], insiders: Insiders) -> Stored:
    """Call inside a transaction that holds the workspace's lock."""
    if not items:
        return Stored([], [], 0)
    workspace_id = mailbox.workspace_id
    addresses = resolve(workspace_id, _sightings(items), insiders)
    new, message_ids = _insert_messages(workspace_id, items)
    _insert_participants(workspace_id, new, message_ids, addresses.ids)
    copies = _insert_copies(mailbox, items, message_ids)
    altered = summarise(_held_before(items, new, message_ids))
    settle(workspace_id, [message_ids[i.identity] for i in new], [i.place for i in new])
    _mark_contacted(items, addresses)
    changed = {message_ids[item.identity] for item in new} | altered
    return Stored(sorted(changed), sorted(addresses.ids.values()), copies)


def _sightings(items: Iterable[MailItem]) -> Sightings:
    sightings = Sightings()
    for item in items:
        for role, _, one in _participants(item.mail):
            sightings.add(one, at=item.occurred_at, own=role <= ParticipantRole.REPLY_TO)
    return sightings


def _participants(mail: ParsedMail) -> Iterable[tuple[ParticipantRole, int, NamedAddress]]:
    for role, people in (
        (ParticipantRole.FROM, mail.sender),
        (ParticipantRole.REPLY_TO, screening.stand_ins(mail)),
        (ParticipantRole.TO, mail.to),
        (ParticipantRole.CC, mail.cc),
    ):
        for position, one in enumerate(people):
            yield role, position, one


INSERT_MESSAGES = """
    WITH come AS (
        INSERT INTO mailboxes_emailmessage
            (workspace_id, identity, thread_id, id_key, parent_key, occurred_at, is_contact, recipients)
        SELECT %(workspace)s, u.* FROM unnest(%(identities)s::bytea[], %(threads)s::bigint[],
            %(id_keys)s::bytea[], %(parent_keys)s::bytea[], %(times)s::timestamptz[],
            %(contacts)s::bool[], %(recipients)s::int[]) AS u(identity)
        ORDER BY u.identity
        ON CONFLICT (workspace_id, identity) DO NOTHING
        RETURNING identity, id
    )
    SELECT identity, id, true FROM come
    UNION ALL
    SELECT identity, id, false FROM mailboxes_emailmessage
    WHERE workspace_id = %(workspace)s AND identity = ANY(%(identities)s::bytea[])
"""


def _insert_messages(workspace_id: int, items: Sequence[MailItem]) -> tuple[list[MailItem], dict[bytes, int]]:
    """The items whose message is new, one per message, and the ids of all."""
    by_identity = {item.identity: item for item in items}
    threads = ensure_threads(workspace_id, {item.place.thread_key for item in by_identity.values()})
    rows = (
        (
            item.identity,
            threads[item.place.thread_key],
            item.place.id_key,
            item.place.parent_key,
            item.occurred_at,
            item.is_contact,
            item.recipients,
        )
        for item in by_identity.values()
    )
    columns = arrays(
        rows, "identities", "threads", "id_keys", "parent_keys", "times", "contacts", "recipients"
    )
    found = fetch(INSERT_MESSAGES, workspace=workspace_id, **columns)
    come = {bytes(identity) for identity, _, is_new in found if is_new}
    new = [item for identity, item in by_identity.items() if identity in come]
    return new, {bytes(identity): pk for identity, pk, _ in found}


def _held_before(
    items: Sequence[MailItem], new: Iterable[MailItem], message_ids: dict[bytes, int]
) -> list[int]:
    """Ids of messages with another copy than the one that made them."""
    made_by_one = {item.identity for item in new} if len(items) == len(message_ids) else set()
    return [pk for identity, pk in message_ids.items() if identity not in made_by_one]


# Of an address `a`: the domain that makes mail with it a company's; "" where none does.
COMPANY_DOMAIN = "CASE WHEN a.is_internal OR a.is_freemail THEN '' ELSE a.domain END"

INSERT_PARTICIPANTS = f"""
    INSERT INTO mailboxes_participant
        (workspace_id, message_id, address_id, role, position, occurred_at, domain)
    SELECT %(workspace)s, u.message, u.address, u.role, u.position, u.at,
           {COMPANY_DOMAIN}
    FROM unnest(%(messages)s::bigint[], %(addresses)s::bigint[], %(roles)s::int[],
                %(positions)s::int[], %(times)s::timestamptz[]) AS u(message, address, role, position, at)
    JOIN crm_address a ON a.id = u.address
    ON CONFLICT DO NOTHING
"""


def _insert_participants(
    workspace_id: int,
    new: Iterable[MailItem],
    message_ids: dict[bytes, int],
    addresses: dict[str, int],
) -> None:
    rows = (
        (message_ids[item.identity], addresses[one.email], int(role), min(position, 32767), item.occurred_at)
        for item in new
        for role, position, one in _participants(item.mail)
    )
    columns = arrays(rows, "messages", "addresses", "roles", "positions", "times")
    execute(INSERT_PARTICIPANTS, workspace=workspace_id, **columns)


# Only a copy that is new has its text stored.
INSERT_COPIES = """
    WITH come AS (
        INSERT INTO mailboxes_messagecopy (workspace_id, mailbox_id, message_id, provider_id,
            occurred_at, category, is_sent, subject, attachment_count, size, flags)
        SELECT %(workspace)s, %(mailbox)s, u.* FROM unnest(%(messages)s::bigint[],
            %(provider_ids)s::text[], %(times)s::timestamptz[], %(categories)s::text[],
            %(sent)s::bool[], %(subjects)s::text[], %(attachment_counts)s::int[], %(sizes)s::bigint[],
            %(flags)s::jsonb[]) AS u
        ON CONFLICT (mailbox_id, provider_id) DO NOTHING
        RETURNING provider_id, id
    )
    INSERT INTO mailboxes_messagecontent
        (workspace_id, copy_id, text, html, headers, attachments, bcc)
    SELECT %(workspace)s, come.id, u.text, u.html, u.headers, u.attachments, u.bcc
    FROM unnest(%(provider_ids)s::text[], %(texts)s::text[], %(htmls)s::text[], %(headers)s::text[],
                %(attachments)s::jsonb[], %(bccs)s::jsonb[])
         AS u(provider_id, text, html, headers, attachments, bcc)
    JOIN come USING (provider_id)
"""


def _insert_copies(mailbox: Mailbox, items: Sequence[MailItem], message_ids: dict[bytes, int]) -> int:
    """Returns how many are new."""
    copies = arrays(
        (_copy_row(item, message_ids[item.identity]) for item in items),
        "messages", "provider_ids", "times", "categories", "sent", "subjects", "attachment_counts",
        "sizes", "flags",
    )  # fmt: skip
    contents = arrays(map(_content_row, items), "texts", "htmls", "headers", "attachments", "bccs")
    common = {"workspace": mailbox.workspace_id, "mailbox": mailbox.pk}
    return execute(INSERT_COPIES, **common, **copies, **contents)


def _copy_row(item: MailItem, message_id: int) -> tuple[object, ...]:
    return (
        message_id,
        item.provider_id,
        item.occurred_at,
        item.mail.category,
        item.is_sent,
        item.mail.subject,
        len(item.mail.attachments),
        item.size,
        json.dumps(item.mail.flags),
    )


def _content_row(item: MailItem) -> tuple[str, ...]:
    return (
        item.mail.text,
        item.mail.html,
        item.mail.headers,
        json.dumps([[a.name, a.content_type, a.size] for a in item.mail.attachments]),
        json.dumps([[one.email, one.name] for one in item.mail.bcc]),
    )


# Received headers differ between mailboxes, and a list server adds its own: what is said of the
# message is decided over all copies, so that their order does not matter.
SUMMARISE = """
    WITH changed AS (
        UPDATE mailboxes_emailmessage m SET occurred_at = c.occurred_at, is_contact = c.is_contact
        FROM (
            SELECT message_id, min(occurred_at) AS occurred_at, bool_or(category = 'contact') AS is_contact
            FROM mailboxes_messagecopy WHERE message_id = ANY(%(ids)s) GROUP BY message_id
        ) c
        WHERE m.id = c.message_id
          AND (m.occurred_at, m.is_contact) IS DISTINCT FROM (c.occurred_at, c.is_contact)
        RETURNING m.id, m.occurred_at
    ),
    participants AS (
        UPDATE mailboxes_participant p SET occurred_at = changed.occurred_at
        FROM changed WHERE p.message_id = changed.id AND p.occurred_at <> changed.occurred_at
    )
    SELECT id FROM changed
"""


def summarise(message_ids: list[int]) -> set[int]:
    """Bring messages in line with their copies; returns those that changed."""
    return {row[0] for row in fetch(SUMMARISE, ids=message_ids)} if message_ids else set()


def _mark_contacted(items: Iterable[MailItem], addresses: Resolved) -> None:
    """Somebody here has written to these: what enhanced record creation waits for."""
    addresses.mark_contacted(
        one.email
        for item in items
        if item.is_sent and item.is_contact
        for one in (*item.mail.to, *item.mail.cc)
    )
