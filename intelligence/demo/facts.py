"""What the studio has written down itself: industries and places of companies, what people do there."""

from functools import cache

from crm.models import Address, Company, CompanyDomain, Person
from intelligence.demo.building import Demo
from intelligence.demo.cast import Company as Customer
from intelligence.demo.cast import Someone
from intelligence.demo.dice import Dice
from intelligence.demo.material import rows

# Nobody's notes are complete.
_KNOWN_PLACE, _KNOWN_TITLE = 0.9, 0.7


def write_down(demo: Demo, workspace_id: int) -> None:
    """Only where nothing stands yet."""
    _about_companies({one.domain: one for one in demo.companies}, workspace_id)
    _about_people({one.email: one for one in demo.people}, workspace_id)


def _about_companies(customers: dict[str, Customer], workspace_id: int) -> None:
    known = CompanyDomain.objects.filter(
        workspace_id=workspace_id, domain__in=customers, company__industry="", company__location=""
    )
    companies = []
    for found in known.select_related("company").order_by("pk"):
        customer = customers[found.domain]
        found.company.industry = _industry(customer)
        found.company.location = customer.city if Dice("place", found.domain).chance(_KNOWN_PLACE) else ""
        companies.append(found.company)
    Company.objects.bulk_update(companies, ["industry", "location"])


def _about_people(people: dict[str, Someone], workspace_id: int) -> None:
    known = Address.objects.filter(workspace_id=workspace_id, email__in=people, person__job_title="")
    met = []
    for found in known.select_related("person").order_by("pk"):
        if found.person and Dice("title", found.email).chance(_KNOWN_TITLE):
            found.person.job_title = people[found.email].title
            met.append(found.person)
    Person.objects.bulk_update(met, ["job_title"])


def _industry(customer: Customer) -> str:
    words = customer.domain.removesuffix(".example").split("-")
    return next((_industries()[word] for word in reversed(words) if word in _industries()), "")


@cache
def _industries() -> dict[str, str]:
    return {word: industry for industry, words in rows("companies", "industries") for word in words.split()}
