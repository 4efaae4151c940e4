"""One attribute of a record, changed where it stands: in a table's cell, or on the record's page."""

from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import trigger_client_event

from crm.decorators import NO_MAIL, WorkspaceRequest, member_required
from crm.edits import attribute_values
from crm.edits.attribute_values import CHIPS, CHOICE, Editable, editable
from crm.edits.changing import CannotEdit, Record, kind_of
from crm.edits.employers import suggestions
from crm.models import Member, Person
from crm.naming import MAX_NAME, name_key
from crm.plain import tidied
from crm.records import BY_PLURAL, RecordType, find_record

DETAILS = "details"


@dataclass(frozen=True, slots=True)
class Editor:
    """`place` is `details` on the record's page and empty in a table; `text` what was typed, `seen` what the
    field held before that."""

    attribute: Editable
    record: Record
    slug: str
    place: str = ""
    text: str = ""
    seen: str = ""
    error: str = ""

    @property
    def record_url(self) -> str:
        return kind_of(self.record).url(self.slug, self.record.pk)

    @property
    def url(self) -> str:
        return f"{self.record_url}attributes/{self.attribute.name}/"

    @property
    def field_id(self) -> str:
        return f"edit-{self.attribute.name}-{self.record.pk}"

    @property
    def chips(self) -> list[str]:
        return attribute_values.chips_of(self.record, self.attribute)


@require_http_methods(["GET", "HEAD", "POST"])
@member_required(NO_MAIL)
def attribute(request: WorkspaceRequest, plural: str, pk: int, name: str) -> HttpResponse:
    editor = _editor(request, BY_PLURAL[plural], pk, name)
    if request.method != "POST":
        return _render_editor(request, editor)
    try:
        _save(editor, request.POST, by=request.member)
    except CannotEdit as error:
        return _render_editor(request, _typed(editor, request.POST, str(error)))
    if not request.htmx:
        return redirect(editor.url if editor.attribute.form == CHIPS else editor.record_url)
    show = _render_editor if editor.attribute.form == CHIPS else _render_value
    return _saved(show(request, editor), editor)


@require_safe
@member_required(NO_MAIL)
def value(request: WorkspaceRequest, plural: str, pk: int, name: str) -> HttpResponse:
    """As it stands when nobody edits it: where an editor was left."""
    editor = _editor(request, BY_PLURAL[plural], pk, name)
    return _render_value(request, editor) if request.htmx else redirect(editor.record_url)


@require_safe
@member_required(NO_MAIL)
def company_choices(request: WorkspaceRequest, plural: str, pk: int) -> HttpResponse:
    """Companies that somebody may work for, by a part of their name."""
    editor = _editor(request, BY_PLURAL[plural], pk, "company")
    context = {"editor": editor, **choices(request.member, request.GET.get("q", ""))}
    if request.htmx:
        return render(request, "crm/_company_choices.html", context)
    return _render_editor(request, editor)


def choices(member: Member, text: str) -> dict[str, Any]:
    """Companies to choose from, and whether one has to be made to be called so."""
    companies, typed = suggestions(text, member=member), tidied(text)[:MAX_NAME]
    key = name_key(typed)
    is_new = bool(key) and all(one.name_key != key for one in companies)
    return {"companies": companies, "typed": typed, "is_new": is_new}


def _editor(request: WorkspaceRequest, kind: RecordType, pk: int, name: str) -> Editor:
    asked = editable(kind, name)
    record = find_record(request.member, kind, pk)
    place = DETAILS if request.GET.get("place", request.POST.get("place")) == DETAILS else ""
    text = attribute_values.text_of(record, asked)
    return Editor(asked, record, request.member.workspace.slug, place=place, text=text, seen=text)


def _typed(editor: Editor, given: Any, error: str) -> Editor:
    text = given.get("value", "") if "without" not in given else ""
    seen = attribute_values.text_of(editor.record, editor.attribute)
    return replace(editor, text=text, seen=seen, error=error)


def _save(editor: Editor, given: Any, *, by: Member) -> None:
    record, attribute = editor.record, editor.attribute
    if attribute.form == CHIPS:
        if "without" in given:
            attribute_values.remove_chip(record, given["without"], by=by)
        else:
            attribute_values.add_chip(record, given.get("value", ""), by=by)
    elif attribute.form == CHOICE:
        _choose(record, given, by=by)
    else:
        text, seen = given.get("value", ""), given.get("seen")
        attribute_values.set_text(record, attribute, text, by=by, seen=seen)


def _choose(record: Record, given: Any, *, by: Member) -> None:
    assert isinstance(record, Person)
    if "create" in given:
        attribute_values.create_company_of(record, given["create"], by=by)
    elif "company" in given:
        attribute_values.choose_company(record, given["company"], by=by)
    else:
        raise CannotEdit("Choose a company from the list.")


def _render_editor(request: WorkspaceRequest, editor: Editor) -> HttpResponse:
    context: dict[str, Any] = {"editor": editor}
    if editor.attribute.form == CHOICE:
        context |= choices(request.member, editor.text)
    if request.htmx:
        return render(request, "crm/_editor.html", context)
    return render(request, "crm/editor.html", context)


def _render_value(request: WorkspaceRequest, editor: Editor) -> HttpResponse:
    shown = attribute_values.shown(request.member, editor.record, editor.attribute.name)
    if editor.place != DETAILS:
        return HttpResponse(shown)
    name, label = editor.attribute.name, editor.attribute.label
    context = {"url": editor.url, "name": name, "label": label, "value": shown}
    return render(request, "crm/_attribute_value.html", context)


def _saved(response: HttpResponse, editor: Editor) -> HttpResponse:
    record = f"{kind_of(editor.record).name}:{editor.record.pk}"
    detail = {"record": record, "attribute": editor.attribute.name}
    return trigger_client_event(response, "record-saved", detail)
