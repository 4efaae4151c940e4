"""New companies and people, made by hand."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from crm.decorators import NO_MAIL, WorkspaceRequest, member_required
from crm.edits.changing import CannotEdit
from crm.edits.creating import Draft, Taken, create_record, namesakes, owners, read_values
from crm.edits.employers import company_called, new_company, suggestions
from crm.models import Company, Member, Person
from crm.naming import MAX_NAME
from crm.plain import PLAIN
from crm.records import BY_PLURAL, COMPANY, PERSON, RecordType, find_record, read_id
from crm.views.dialogs import dialog, leave_for


class CreationForm(forms.Form):
    """Of a company or a person; `employer` is the company a new person is added to."""

    def __init__(self, kind: RecordType, data: Any = None, *, employer: Company | None = None) -> None:
        super().__init__(data)
        self.kind, self.employer = kind, employer
        self.fields["name"] = _text("Name", MAX_NAME, autofocus=True)
        if kind is COMPANY:
            self.fields["domains"] = _text("Domains", 2000, help_text="One or several")
        else:
            self.fields["email_addresses"] = _text("Email addresses", 2000, help_text="One or several")
        if kind is PERSON and not employer:
            self.fields["company"] = _text("Company", MAX_NAME, help_text=_COMPANY_HELP)
        for one in PLAIN[kind.name]:
            self.fields[one.name] = _text(one.label, one.most, is_long=one.is_long)

    @property
    def values(self) -> list[str]:
        return self.cleaned_data[self.kind.known_by].replace(",", " ").replace(";", " ").split()

    def has_readable_values(self) -> bool:
        """Says at the field what cannot be read, and leads back there."""
        name = self.kind.known_by
        try:
            read_values(self.kind, self.values)
        except CannotEdit as error:
            self.add_error(name, str(error))
            del self.fields["name"].widget.attrs["autofocus"]
            self.fields[name].widget.attrs["autofocus"] = True
            return False
        return True

    def draft(self, member: Member) -> Draft:
        plain = {one.name: self.cleaned_data[one.name] for one in PLAIN[self.kind.name]}
        company = self.employer or company_called(self.cleaned_data.get("company", ""), by=member)
        return Draft(self.cleaned_data["name"], self.values, plain, company)


_COMPANY_HELP = "Left empty, it is the one that has the domain of an address"


@require_safe
@member_required(NO_MAIL)
def form(request: WorkspaceRequest, plural: str) -> HttpResponse:
    kind = BY_PLURAL[plural]
    return _show(request, CreationForm(kind, employer=_employer(request, kind)))


@require_safe
@member_required(NO_MAIL)
def check(request: WorkspaceRequest, plural: str) -> HttpResponse:
    """Who is there already, while somebody types; companies to choose from."""
    kind = BY_PLURAL[plural]
    asked = CreationForm(kind, request.GET)
    if not request.htmx:
        return redirect("crm:creation_form", request.member.workspace.slug, plural)
    typed = request.GET.get("company", "")
    suggested = suggestions(typed, member=request.member) if typed else []
    novel = new_company(typed, by=request.member)
    context: dict[str, Any] = {"kind": kind, "suggested": suggested, "novel": novel}
    if asked.is_valid():
        context |= _known(asked, request.member)
    return render(request, "crm/_likeness.html", context)


@require_POST
@member_required(NO_MAIL)
def creation(request: WorkspaceRequest, plural: str) -> HttpResponse:
    kind = BY_PLURAL[plural]
    asked = CreationForm(kind, request.POST, employer=_employer(request, kind))
    if not asked.is_valid() or not asked.has_readable_values():
        return _show(request, asked)
    known = _known(asked, request.member)
    if known["taken"] or (known["namesakes"] and "anyway" not in request.POST):
        return _show(request, asked, **known, is_asking=not known["taken"])
    began = timezone.now()
    try:
        with transaction.atomic():
            record = create_record(kind, asked.draft(request.member), by=request.member)
    except Taken as error:
        return _show(request, asked, taken=[(str(error), error.record)])
    except CannotEdit as error:
        asked.add_error(None, str(error))
        return _show(request, asked)
    company = record.company if isinstance(record, Person) else None
    besides = f" and {company.name}, a new company" if company and company.created_at >= began else ""
    messages.success(request, f"Created {record.name}{besides}.")
    return leave_for(request, kind.url(request.member.workspace.slug, record.pk))


def _text(
    label: str, most: int, *, is_long: bool = False, autofocus: bool = False, help_text: str = ""
) -> forms.CharField:
    attributes: dict[str, Any] = {"autocomplete": "off"} | ({"autofocus": True} if autofocus else {})
    widget = forms.Textarea(attributes | {"rows": 2, "class": "input textarea textarea--short"})
    return forms.CharField(
        label=label,
        max_length=most,
        required=False,
        help_text=help_text,
        widget=widget if is_long else forms.TextInput(attributes),
    )


def _employer(request: WorkspaceRequest, kind: RecordType) -> Company | None:
    """The company whose page somebody adds a person from."""
    pk = read_id(request.GET.get("company_id", ""))
    employer: Company | None = find_record(request.member, COMPANY, pk) if kind is PERSON and pk else None
    return employer


def _known(asked: CreationForm, member: Member) -> dict[str, Any]:
    try:
        values = read_values(asked.kind, asked.values)
    except CannotEdit:
        values = []  # somebody is typing still
    taken = owners(asked.kind, values, workspace_id=member.workspace_id)
    return {
        "taken": [(f"{value} belongs to {record}.", record) for value, record in taken.items()],
        "namesakes": namesakes(asked.kind, asked.cleaned_data["name"], member=member),
    }


def _show(request: WorkspaceRequest, asked: CreationForm, **context: Any) -> HttpResponse:
    slug = request.member.workspace.slug
    employer = asked.employer
    back_url = COMPANY.url(slug, employer.pk) + "people/" if employer else asked.kind.list_url(slug)
    context |= {"form": asked, "kind": asked.kind, "employer": employer}
    return dialog(request, "crm/_creation.html", context, back_url=back_url)
