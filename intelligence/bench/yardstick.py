"""What one would write first: the ORM, a message at a time, every touched record recomputed from
its whole history. Kept as the measure of what set-based storing is worth; rolled back after use."""

from collections import defaultdict
from datetime import date
from typing import Any

from django.db import transaction

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


def store(reader: Reader, item: MailItem) -> None:
    with transaction.atomic():
        interaction = _store_message(reader, item)
        parties = InteractionParty.objects.filter(interaction=interaction)
        people = Person.objects.filter(addresses__in=parties.values("address"))
        for person in people.select_related("company"):
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
            workspace=workspace, message=message, address=address, role=3, position=position
        )
        InteractionParty.objects.create(
            workspace=workspace,
            interaction=interaction,
            address=address,
            member=address.member,
            is_author=position == 0,
        )
        if address.person:
            _link(interaction, address.person)
    return interaction


def _link(interaction: Interaction, person: Person) -> None:
    common = {
        "workspace": interaction.workspace,
        "interaction": interaction,
        "kind": interaction.kind,
        "occurred_at": interaction.occurred_at,
        "member": interaction.member,
        "is_all_day": False,
        "is_author": False,
    }
    PersonInteraction.objects.create(person=person, **common)
    if person.company:
        known = CompanyInteraction.objects.filter(company=person.company, interaction=interaction)
        if not known.exists():
            CompanyInteraction.objects.create(company=person.company, **common)


def _recompute(timeline: Any, insights: Any, name: str, record: Person | Company) -> None:
    history = timeline.objects.filter(**{name: record}).select_related("interaction", "member")
    days: dict[int, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    moments = sorted(history, key=lambda row: row.occurred_at)
    for row in moments:
        for party in row.interaction.parties.exclude(member=None):
            days[int(party.member_id)][row.occurred_at.date()] += 1
    scores = {
        member: sum(n**0.25 * growth(day) for day, n in by_day.items()) for member, by_day in days.items()
    }
    best = max(scores, key=lambda member: scores[member]) if scores else None
    insights.objects.filter(**{name: record}).update(
        first_email_at=moments[0].occurred_at,
        last_email_at=moments[-1].occurred_at,
        score=scores[best] if best else None,
        strongest=best,
    )
