"""The company that somebody means by a name or a domain."""

from django.db.models import Case, Value, When

from crm.changing import CannotEdit
from crm.creating_records import Draft, create_record
from crm.models import Company, CompanyDomain, Member
from crm.naming import MAX_NAME, name_key
from crm.plain import tidied
from crm.records import COMPANY

MOST_SUGGESTED = 8


def suggestions(text: str, *, member: Member) -> list[Company]:
    """Companies with this in their name, with their domains; those that begin with it first."""
    key = name_key(text[:MAX_NAME])
    begins = Case(When(name_key__startswith=key, then=Value(0)), default=Value(1))
    found = Company.objects.visible_to(member).filter(name_key__contains=key).prefetch_related("domains")
    return list(found.order_by(begins, "name_key", "pk")[:MOST_SUGGESTED])


def company_called(text: str, *, by: Member) -> Company | None:
    """By its domain or its name; one that is not there yet is created. None where nothing was said. Raises
    CannotEdit where it may be several."""
    typed = tidied(text)
    if not typed:
        return None
    by_domain = CompanyDomain.objects.filter(workspace_id=by.workspace_id, domain=typed.lower())
    if known := by_domain.select_related("company").first():
        return known.company
    called = list(Company.objects.visible_to(by).filter(name_key=name_key(typed))[:2])
    if len(called) > 1:
        raise CannotEdit(f"There are several companies called {typed}. Enter the domain of the one you mean.")
    if called:
        return called[0]
    made = create_record(COMPANY, Draft(typed), by=by)
    assert isinstance(made, Company)
    return made
