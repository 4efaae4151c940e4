"""What storing is measured against does the same work, only slower."""

import pytest
from django.utils import timezone

from crm.models import Address
from intelligence.bench import ingest, plans, yardstick
from intelligence.bench.world import World
from intelligence.models import CompanyInsight, PersonInsight, PersonInteraction

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    world = World(interactions=1000, now=timezone.now().replace(microsecond=0))
    world.fill()
    return world


@pytest.mark.parametrize("store", [yardstick.store, yardstick.store_then_recompute])
def test_the_yardstick_brings_the_records_up_to_date(world: World, store: ingest.Store) -> None:
    known = set(Address.objects.exclude(person=None).values_list("email", flat=True))
    reader, item = next(
        (reader, page.mail[0])
        for reader, page in (world.message() for _ in range(100))
        if {one.email for one in (*page.mail[0].mail.sender, *page.mail[0].mail.to)} & known
    )

    store(reader, item)

    timeline = PersonInteraction.objects.filter(interaction__message__identity=item.identity)
    person = timeline.select_related("person__company")[0].person
    assert person.company
    at = PersonInsight.objects.get(person=person).last_email_at, reader.mailbox.member_id
    assert (CompanyInsight.objects.get(company=person.company).last_email_at, reader.mailbox.member_id) == at
    assert at[0] == item.occurred_at


def test_plans_are_of_the_statements_that_were_asked(world: World) -> None:
    found = plans.plans_of(lambda: world.store(*world.message()))

    assert len(found) > 15
    assert any(plans.indexes(plan) for plan in found)
