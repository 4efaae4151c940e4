"""Ask for a thread, take that back, answer."""

import json

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBadRequest, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from crm.decorators import MAIL, NO_MAIL, WorkspaceRequest, member_required
from crm.models import AccessLevel
from crm.records import BY_PLURAL, RecordType, find_record, read_id
from crm.views.dialogs import dialog
from mailboxes.correspondence.conversation import Conversation, read_thread
from mailboxes.models import AccessRequest, Scope, Thread
from mailboxes.sharing.granting import ChangedMeanwhile
from mailboxes.sharing.requesting import AlreadySettled, CannotAsk, ask, choices, scopes

ASKABLE = [(level.value, level.label) for level in (AccessLevel.SUBJECT, AccessLevel.FULL)]


class AskForm(forms.Form):
    level = forms.TypedChoiceField(choices=ASKABLE, coerce=int)
    note = forms.CharField(max_length=500, required=False)


class AnswerForm(forms.Form):
    level = forms.TypedChoiceField(choices=ASKABLE, coerce=int)
    scope = forms.ChoiceField(choices=Scope.choices)


@require_safe
@member_required(MAIL)
def new_request(request: WorkspaceRequest, pk: int) -> HttpResponse:
    """The dialog in which a level and a note are chosen."""
    return _render_dialog(request, _thread(request, pk))


@require_POST
@member_required(MAIL)
def requests(request: WorkspaceRequest, pk: int) -> HttpResponse:
    conversation = _thread(request, pk)
    form = AskForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(
            "Choose what you would like to see, with a note of up to 500 characters."
        )
    try:
        ask(
            get_object_or_404(Thread, pk=conversation.pk),
            by=request.member,
            level=AccessLevel(form.cleaned_data["level"]),
            note=form.cleaned_data["note"],
            record=find_record(request.member, *record) if (record := _record(request)) else None,
        )
    except CannotAsk as error:
        return _render_dialog(request, conversation, error=str(error))
    return _changed(request, pk)


@require_POST
@member_required(NO_MAIL)
def cancellation(request: WorkspaceRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(AccessRequest.objects.asked_by(request.member), pk=pk)
    one.cancel(by=request.member)
    return _changed(request, one.thread_id)


@require_POST
@member_required(MAIL)
def approval(request: WorkspaceRequest, pk: int) -> HttpResponse:
    one, form = _asked(request, pk), AnswerForm(request.POST)
    if not form.is_valid() or form.cleaned_data["level"] > one.level:
        return HttpResponseBadRequest("Choose what to share.")
    scope, level = Scope(form.cleaned_data["scope"]), AccessLevel(form.cleaned_data["level"])
    words = scopes(one, by=request.member)
    if scope not in words:
        return HttpResponseBadRequest("Choose what to share.")
    try:
        one.approve(by=request.member, level=level, scope=scope, seen=request.POST.get(f"seen-{scope}"))
    except ChangedMeanwhile:
        return _asked_again(request, one)
    except AlreadySettled as error:
        return _answered(request, one, str(error), is_settled=True)
    return _answered(request, one, f"{level.label.lower()} to {_lower(words[scope])}.")


@require_POST
@member_required(MAIL)
def refusal(request: WorkspaceRequest, pk: int) -> HttpResponse:
    one = _asked(request, pk)
    try:
        one.decline(by=request.member)
    except AlreadySettled as error:
        return _answered(request, one, str(error), is_settled=True)
    return _answered(request, one, "")


def _lower(words: str) -> str:
    """`This thread` inside a sentence; from there it is the owner who speaks."""
    return (words[:1].lower() + words[1:]).replace("all my emails", "all your emails")


def _asked(request: WorkspaceRequest, pk: int) -> AccessRequest:
    """One that this member was asked to answer, settled or not; any other does not exist."""
    asked = AccessRequest.objects.filter(
        workspace_id=request.member.workspace_id, owners__owner=request.member
    )
    return get_object_or_404(asked.select_related("member__user", "company", "person"), pk=pk)


def _thread(request: WorkspaceRequest, pk: int) -> Conversation:
    conversation = read_thread(request.member, pk, now=timezone.localtime())
    if conversation is None:
        raise Http404
    return conversation


def _render_dialog(request: WorkspaceRequest, conversation: Conversation, *, error: str = "") -> HttpResponse:
    levels = [
        (value, label) for value, label in ASKABLE if value > min(m.level for m in conversation.messages)
    ]
    given = _given(request)
    context = {
        "thread": conversation,
        "levels": levels,
        "error": error,
        "of": given.get("of", ""),
        "record": given.get("record", ""),
    }
    return dialog(
        request, "mailboxes/_ask_dialog.html", context, back_url=_page_behind(request, conversation.pk)
    )


def _given(request: WorkspaceRequest) -> QueryDict:
    return request.POST if request.method == "POST" else request.GET


def _record(request: WorkspaceRequest) -> tuple[RecordType, int] | None:
    """In whose list the thread stands, as the address or the form says."""
    given = _given(request)
    kind, number = BY_PLURAL.get(given.get("of", "")), read_id(given.get("record", ""))
    return (kind, number) if kind and number else None


def _page_behind(request: WorkspaceRequest, thread_id: int) -> str:
    slug, record = request.member.workspace.slug, _record(request)
    if record is None:
        return reverse("mailboxes:thread", args=[slug, thread_id])
    kind, number = record
    return f"{kind.url(slug, number)}emails/?thread={thread_id}"


def _answered(
    request: WorkspaceRequest, one: AccessRequest, effect: str, *, is_settled: bool = False
) -> HttpResponse:
    if not request.htmx:
        if is_settled:
            messages.warning(request, effect)
        return redirect("mailboxes:thread", request.member.workspace.slug, one.thread_id)
    context = {"request_pk": one.pk, "who": one.member.name, "effect": effect, "is_settled": is_settled}
    response = render(request, "mailboxes/_answered.html", context)
    changed = {"notifications-changed": True}
    if not request.htmx.target:  # answered on the bell, while the thread may be open behind it
        changed[f"thread-{one.thread_id}-changed"] = True
    response["HX-Trigger"] = json.dumps(changed)
    return response


def _asked_again(request: WorkspaceRequest, one: AccessRequest) -> HttpResponse:
    """With what the record has by now; nothing was answered yet."""
    if not request.htmx:
        messages.warning(request, "Which emails are meant has changed meanwhile. Look again and choose.")
        return redirect("mailboxes:thread", request.member.workspace.slug, one.thread_id)
    context = {"asked": one, "choices": choices(one, by=request.member), "is_outdated": True}
    return render(request, "mailboxes/_access_request.html", context)


def _changed(request: WorkspaceRequest, thread_id: int) -> HttpResponse:
    """The dialog closes, and whatever shows the thread reloads itself."""
    if not request.htmx:
        return redirect(_page_behind(request, thread_id))
    response = HttpResponse(status=204)
    response["HX-Trigger"] = json.dumps({f"thread-{thread_id}-changed": True})
    return response
