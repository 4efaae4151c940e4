"""The two kinds of record, and the one door to a single one."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404
from django.urls import reverse

from crm.models import Company, Member, Person


@dataclass(frozen=True, slots=True)
class RecordType:
    """`name` is what code, hooks and tables say; `plural` what URLs say; `known_by` names the attribute that
    tells one record from another."""

    name: str
    plural: str
    model: type[Company] | type[Person]
    icon: str
    known_by: str

    @property
    def title(self) -> str:
        return self.plural.capitalize()

    @property
    def table(self) -> str:
        return f"crm_{self.name}"

    def url(self, slug: str, pk: int) -> str:
        return f"/{slug}/{self.plural}/{pk}/"

    def list_url(self, slug: str) -> str:
        return reverse(f"crm:{self.plural}", args=[slug])


COMPANY = RecordType("company", "companies", Company, "building", "domains")
PERSON = RecordType("person", "people", Person, "users", "email_addresses")
RECORD_TYPES = {kind.name: kind for kind in (COMPANY, PERSON)}
BY_PLURAL = {kind.plural: kind for kind in RECORD_TYPES.values()}


def read_id(text: str) -> int | None:
    """An id as an address or a form has it; None for what cannot be one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def find_record(member: Member, kind: RecordType, pk: int) -> Any:
    """A company or person the member may see. One of another workspace does not exist: Http404."""
    record = kind.model.objects.visible_to(member).filter(pk=pk).first()
    if record is None:
        raise Http404
    return record
