"""Which changes made by hand open pages hear of."""

from collections.abc import Iterable
from typing import Any

from django.dispatch import receiver

from crm.live import MOST_RECORDS, announce
from crm.models import Company, Person
from crm.signals import record_merged, records_changed, records_rewritten


@receiver([records_changed, records_rewritten])
def announce_records(
    *, workspace_id: int, company_ids: Iterable[int] = (), person_ids: Iterable[int] = (), **_: Any
) -> None:
    companies = (("company", pk) for pk in company_ids)
    people = (("person", pk) for pk in person_ids)
    announce(workspace_id, records=[*companies, *people])


@receiver(records_rewritten)
def announce_around(
    *, workspace_id: int, company_ids: Iterable[int] = (), person_ids: Iterable[int] = (), **_: Any
) -> None:
    """People's pages name their company, and a company's feed its people."""
    staff = Person.objects.filter(workspace_id=workspace_id, company__in=list(company_ids))
    employers = Company.objects.filter(workspace_id=workspace_id, people__in=list(person_ids))
    people = (("person", pk) for pk in staff.values_list("pk", flat=True)[: MOST_RECORDS + 1])
    companies = (("company", pk) for pk in employers.values_list("pk", flat=True)[: MOST_RECORDS + 1])
    announce(workspace_id, records=[*people, *companies])


@receiver(record_merged)
def announce_merge(*, workspace_id: int, kind_name: str, record_id: int, into_id: int, **_: Any) -> None:
    announce(
        workspace_id,
        records=[(kind_name, record_id), (kind_name, into_id)],
        topics=[f"gone:{kind_name}:{record_id}"],
    )
