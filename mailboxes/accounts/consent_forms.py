"""What a member chooses about an account that is read by consent: mail, calendar, how far back, and
what is left out."""

from typing import Any

from django import forms

from mailboxes.accounts.applications import CALENDAR, MAIL
from mailboxes.accounts.consenting import Offer, wanted_parts
from mailboxes.accounts.forms import PartsForm
from mailboxes.accounts.looking import Choices
from mailboxes.models import Mailbox, StreamKind


class ConsentForm(PartsForm):
    """`parts` are those that may be read."""

    def __init__(self, data: Any, *, parts: tuple[str, ...], initial: dict[str, Any]) -> None:
        super().__init__(data, initial=initial, auto_id="consent_%s")
        self.fields["reads_mail"].disabled = MAIL not in parts
        self.fields["reads_calendar"].disabled = CALENDAR not in parts

    def on(self) -> list[str]:
        return [part for part in (MAIL, CALENDAR) if self.cleaned_data[f"reads_{part}"]]


class OfferForm(ConsentForm):
    def __init__(self, data: Any = None, *, offer: Offer) -> None:
        reads = {f"reads_{part}": part in offer.parts for part in (MAIL, CALENDAR)}
        super().__init__(data, parts=offer.parts, initial=reads)

    def settings(self) -> dict[str, Any]:
        return {part: {} for part in self.on()}


class ConsentedForm(ConsentForm):
    """An account that is connected. Folders are ticked where they are read, calendars likewise."""

    folders = forms.MultipleChoiceField(required=False)
    calendars = forms.MultipleChoiceField(required=False)

    def __init__(self, data: Any = None, *, mailbox: Mailbox, choices: Choices) -> None:
        self.mailbox, self.choices = mailbox, choices
        self.known = wanted_parts(mailbox)
        initial: dict[str, Any] = {f"reads_{part}": part in mailbox.settings for part in (MAIL, CALENDAR)}
        super().__init__(
            data,
            parts=tuple(self.known) or (MAIL, CALENDAR),
            initial=initial | {"history_from": mailbox.history_from},
        )
        for name, found in (("folders", choices.mail), ("calendars", choices.calendars)):
            field = self.fields[name]
            assert isinstance(field, forms.MultipleChoiceField)
            field.choices = [(one.id, one.name) for one in found]

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        if values.get("reads_calendar") and self.choices.calendars and not values.get("calendars"):
            self.add_error("calendars", "Tick at least one calendar, or switch the calendar off.")
        return values

    def settings(self) -> dict[str, Any]:
        """Where there was nothing to choose from, what was chosen before stays."""
        found = {part: dict(self.known.get(part, {})) for part in self.on()}
        if MAIL in found and self.choices.mail:
            read = self.cleaned_data["folders"]
            found[MAIL] = _without_empty({"left_out": [c.id for c in self.choices.mail if c.id not in read]})
        if CALENDAR in found and self.choices.calendars and self._calendars_changed():
            found[CALENDAR] = {"chosen": self.cleaned_data["calendars"]}
        return found

    def read_again(self) -> list[StreamKind]:
        """Streams of which another selection is to be read."""
        now = self.settings()
        return [kind for kind in StreamKind if kind in now and now[kind] != (self.known.get(kind) or {})]

    def _calendars_changed(self) -> bool:
        before = {one.id for one in self.choices.calendars if one.is_read}
        return before != set(self.cleaned_data["calendars"])


def _without_empty(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value}
