"""The company that somebody means by a name or a domain."""

from crm.edits.changing import CannotEdit
from crm.edits.creating import Draft, create_record
from crm.models import Company, CompanyDomain, Member
from crm.naming import name_key
from crm.plain import tidied
from crm.records import COMPANY
from crm.search.finding import find_records
from crm.search.words import Query

MOST_SUGGESTED = 8


def suggestions(text: str, *, member: Member) -> list[Company]:
    """Companies that are found by this, with their domains, the best first."""
    found = find_records(member.workspace_id, COMPANY, Query.of(text), most=MOST_SUGGESTED)
    known = Company.objects.visible_to(member).prefetch_related("domains")
    companies = known.in_bulk([one.pk for one in found])
    return [companies[one.pk] for one in found if one.pk in companies]


def company_called(text: str, *, by: Member) -> Company | None:
    """By its domain or its name; one that is not there yet is created. None where nothing was said. Raises
    CannotEdit where it may be several."""
    typed = tidied(text)
    if not typed:
        return None
    called = _called(typed, by)
    if len(called) > 1:
        raise CannotEdit(f"There are several companies called {typed}. Enter the domain of the one you mean.")
    if called:
        return called[0]
    made = create_record(COMPANY, Draft(typed), by=by)
    assert isinstance(made, Company)
    return made


def new_company(text: str, *, by: Member) -> str:
    """The name of the company that `company_called` would create; "" where there is one, or nothing said."""
    typed = tidied(text)
    return typed if typed and not _called(typed, by) else ""


def _called(typed: str, by: Member) -> list[Company]:
    """The one of this domain, else up to two of this name."""
    by_domain = CompanyDomain.objects.filter(workspace_id=by.workspace_id, domain=typed.lower())
    if known := by_domain.select_related("company").first():
        return [known.company]
    return list(Company.objects.visible_to(by).filter(name_key=name_key(typed))[:2])
