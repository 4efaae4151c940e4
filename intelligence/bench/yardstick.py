"""What one would write first: the ORM, a message at a time, and a signal that recomputes the records
behind every party saved from their whole history. Kept as the measure of what set-based storing is
worth; rolled back after use."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models.signals import post_save
from django.utils import timezone

from crm.models import Address, Company, Person
from intelligence.models import (
    CompanyInsight,
    CompanyInteraction,
    Interaction,
    InteractionKind,
    InteractionParty,
    PersonInsight,
    PersonInteraction,
)
from intelligence.strength import growth
from mailboxes.ingesting.mail import MailItem
from mailboxes.models import EmailMessage, MessageContent, MessageCopy, Participant, Thread
from mailboxes.reading import Reader

Row = PersonInteraction | CompanyInteraction


def store(reader: Reader, item: MailItem) -> None:
    with transaction.atomic(), _following_parties():
        _store_message(reader, item)


def store_then_recompute(reader: Reader, item: MailItem) -> None:
    """As somebody would who has seen the signals fire: every record once, at the end."""
    with transaction.atomic():
        _recompute_records(_store_message(reader, item))


@contextmanager
def _following_parties() -> Iterator[None]:
    post_save.connect(_follow_party, sender=InteractionParty)
    try:
        yield
    finally:
        post_save.disconnect(_follow_party, sender=InteractionParty)


def _follow_party(*, instance: InteractionParty, **_: Any) -> None:
    """Whoever joins may bring in a record, or be a colleague whom all its records know better now."""
    _recompute_records(instance.interaction)


def _recompute_records(interaction: Interaction) -> None:
    parties = InteractionParty.objects.filter(interaction=interaction)
    for party in parties.select_related("address__person__company"):
        if person := party.address.person:
            _link(interaction, person)
            _recompute(PersonInteraction, PersonInsight, "person", person)
            if person.company:
                _recompute(CompanyInteraction, CompanyInsight, "company", person.company)


def _store_message(reader: Reader, item: MailItem) -> Interaction:
    workspace = reader.mailbox.workspace
    thread, _ = Thread.objects.get_or_create(workspace=workspace, key=item.place.thread_key)
    message = EmailMessage.objects.create(
        workspace=workspace,
        identity=item.identity,
        thread=thread,
        id_key=item.place.id_key,
        occurred_at=item.occurred_at,
        is_contact=True,
        recipients=item.recipients,
    )
    copy = MessageCopy.objects.create(
        workspace=workspace,
        mailbox=reader.mailbox,
        message=message,
        provider_id=item.provider_id,
        occurred_at=item.occurred_at,
        category=item.mail.category,
        is_sent=item.is_sent,
        subject=item.mail.subject,
        attachment_count=0,
        size=item.size,
    )
    MessageContent.objects.create(
        workspace=workspace, copy=copy, text=item.mail.text, html="", headers=item.mail.headers
    )
    return _store_interaction(reader, item, message)


def _store_interaction(reader: Reader, item: MailItem, message: EmailMessage) -> Interaction:
    workspace, member = reader.mailbox.workspace, reader.mailbox.member
    interaction = Interaction.objects.create(
        workspace=workspace,
        kind=InteractionKind.EMAIL,
        occurred_at=item.occurred_at,
        member=member,
        is_crowd=False,
        is_all_day=False,
        has_started=True,
        message=message,
    )
    for position, one in enumerate((*item.mail.sender, *item.mail.to, *item.mail.cc)):
        address, _ = Address.objects.get_or_create(
            workspace=workspace,
            email=one.email,
            defaults={"domain": one.email.split("@")[1], "kind": "human"},
        )
        Participant.objects.create(
            workspace=workspace,
            message=message,
            address=address,
            role=3,
            position=position,
            occurred_at=item.occurred_at,
            domain=address.domain,
        )
        InteractionParty.objects.create(
            workspace=workspace,
            interaction=interaction,
            address=address,
            member=address.member,
            is_author=position == 0,
        )
    return interaction


def _link(interaction: Interaction, person: Person) -> None:
    common = {
        "workspace": interaction.workspace,
        "kind": interaction.kind,
        "occurred_at": interaction.occurred_at,
        "member": interaction.member,
        "is_all_day": False,
        "is_author": False,
    }
    PersonInteraction.objects.get_or_create(person=person, interaction=interaction, defaults=common)
    if person.company:
        CompanyInteraction.objects.get_or_create(
            company=person.company, interaction=interaction, defaults=common
        )


def _recompute(timeline: Any, insights: Any, name: str, record: Person | Company) -> None:
    history = list(timeline.objects.filter(**{name: record}).select_related("interaction", "member"))
    history.sort(key=lambda row: row.occurred_at)
    now = timezone.now()
    emails = [row for row in history if row.kind == InteractionKind.EMAIL]
    meetings = [row for row in history if row.kind == InteractionKind.MEETING]
    past = [row for row in meetings if row.occurred_at <= now]
    scores = _scores([*emails, *past])
    best = max(scores, key=lambda member: scores[member]) if scores else None
    insights.objects.filter(**{name: record}).update(
        **_stored("first_email", emails[:1]),
        **_stored("last_email", emails[-1:]),
        **_stored("first_calendar", past[:1]),
        **_stored("last_calendar", past[-1:]),
        **_stored("next_calendar", [row for row in meetings if row.occurred_at > now][:1]),
        score=scores[best] if best else None,
        strongest=best,
    )


def _stored(attribute: str, found: Sequence[Row]) -> dict[str, Any]:
    return {
        f"{attribute}_at": found[0].occurred_at if found else None,
        f"{attribute}_member": found[0].member if found else None,
    }


def _scores(history: Sequence[Row]) -> dict[int, float]:
    days: dict[int, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for row in history:
        for party in row.interaction.parties.all():
            if party.member_id:
                days[party.member_id][row.occurred_at.date()] += 1
    return {
        member: sum(n**0.25 * growth(day) for day, n in by_day.items()) for member, by_day in days.items()
    }
