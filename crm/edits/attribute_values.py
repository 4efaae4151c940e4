"""The attributes that people write down by hand, one at a time: how each is shown, and set."""

from dataclasses import dataclass

from django.db import transaction
from django.http import Http404
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from crm.edits import editing
from crm.edits.changing import CannotEdit, Record, changing, kind_of, read_again
from crm.edits.creating import Draft, create_record
from crm.models import Address, Company, Member, Person
from crm.naming import MAX_NAME
from crm.plain import PLAIN, plain_attribute, tidied
from crm.records import COMPANY, RecordType, find_record, read_id
from crm.tables.columns import Look, columns_of
from crm.tables.selecting import Selection

TEXT, LONG, CHIPS, CHOICE = "text", "long", "chips", "choice"


@dataclass(frozen=True, slots=True)
class Editable:
    """`form` is how it is asked for: a line, several lines, chips, or a choice; `adds` is what one of its
    values is called."""

    name: str
    label: str
    form: str = TEXT
    most: int = MAX_NAME
    adds: str = ""


_OWN = {
    "company": (
        Editable("name", "Name"),
        Editable("domains", "Domains", CHIPS, 253, "domain"),
    ),
    "person": (
        Editable("name", "Name"),
        Editable("email_addresses", "Email addresses", CHIPS, 320, "email address"),
        Editable("company", "Company", CHOICE),
    ),
}


def editable(kind: RecordType, name: str) -> Editable:
    """Raises Http404 for what nobody writes down: smart attributes have no editor."""
    found = next((one for one in editables(kind) if one.name == name), None)
    if found is None:
        raise Http404
    return found


def editables(kind: RecordType) -> list[Editable]:
    plain = (
        Editable(one.name, one.label, LONG if one.is_long else TEXT, one.most) for one in PLAIN[kind.name]
    )
    return [*_OWN[kind.name], *plain]


def shown(member: Member, record: Record, name: str) -> SafeString:
    """The value as a table's cell has it."""
    kind = kind_of(record)
    column = columns_of(kind.name)[name]
    look = Look(timezone.localtime(), {}, member.workspace.slug, member.pk)
    selection = Selection.of([column])
    statement = f"SELECT {{selected}} FROM {kind.table} r {{joins}} WHERE r.id = %(pk)s"
    row = selection.rows(statement, pk=record.pk, now=look.now)[0]
    return next(column.cell(look, values) for column, values in selection.per_column(row))


def text_of(record: Record, attribute: Editable) -> str:
    return "" if attribute.form in {CHIPS, CHOICE} else str(getattr(record, attribute.name))


def chips_of(record: Record, attribute: Editable) -> list[str]:
    if attribute.form != CHIPS:
        return []
    if isinstance(record, Company):
        return list(record.domains.order_by("domain").values_list("domain", flat=True))
    return list(record.addresses.order_by("email").values_list("email", flat=True))


def set_text(record: Record, attribute: Editable, text: str, *, by: Member, seen: str | None = None) -> None:
    """What somebody else wrote since it was `seen` is shown before it is replaced. Raises CannotEdit."""
    plain = plain_attribute(kind_of(record).name, attribute.name)
    with changing(record.workspace_id, by):
        read_again(record)
        _refuse_unseen(tidied(text_of(record, attribute)), tidied(text), seen)
        if plain:
            editing.write(record, plain, text, by=by)
        else:
            editing.rename(record, text, by=by)


def _refuse_unseen(now: str, typed: str, seen: str | None) -> None:
    if seen is None or now in (tidied(seen), typed):
        return
    if now:
        raise CannotEdit(f"Changed to “{Truncator(now).chars(80)}” meanwhile. Save again to replace that.")
    raise CannotEdit("Emptied meanwhile. Save again to write it all the same.")


def add_chip(record: Record, text: str, *, by: Member) -> None:
    if isinstance(record, Company):
        editing.add_domain(record, text, by=by)
    else:
        editing.add_address(record, text, by=by)


def remove_chip(record: Record, text: str, *, by: Member) -> None:
    """Safe to call twice."""
    if isinstance(record, Company):
        editing.remove_domain(record, text, by=by)
    elif address := Address.objects.filter(person=record, email=text).first():
        editing.remove_address(record, address, by=by)


def choose_company(person: Person, chosen: str, *, by: Member) -> None:
    """`chosen` is an id, or empty for none."""
    if not chosen:
        return editing.move_person(person, None, by=by)
    pk = read_id(chosen)
    if pk is None:
        raise CannotEdit("Choose a company from the list.")
    return editing.move_person(person, find_record(by, COMPANY, pk), by=by)


def create_company_of(person: Person, name: str, *, by: Member) -> None:
    with transaction.atomic():
        company = create_record(COMPANY, Draft(name=name), by=by)
        assert isinstance(company, Company)
        editing.move_person(person, company, by=by)
