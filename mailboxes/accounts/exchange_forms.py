"""What a member enters to connect a mailbox on an Exchange server."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.views.decorators.debug import sensitive_variables

from crm.models import Member
from mailboxes.accounts.applications import CALENDAR, MAIL
from mailboxes.accounts.forms import AddressField, AliasesField, PartsForm
from mailboxes.accounts.looking import Choice, Choices
from mailboxes.accounts.trying import Exchange, known_servers
from mailboxes.credentials import KeyMissing, decrypt
from mailboxes.models import Mailbox, StreamKind

AUTHS = (("basic", "Basic"), ("ntlm", "NTLM"))


class ExchangeForm(PartsForm):
    address = AddressField(label="Email address", max_length=320)
    endpoint = forms.CharField(label="Server", max_length=500, required=False)
    username = forms.CharField(label="User name", max_length=320, required=False)
    password = forms.CharField(label="Password", max_length=1000, required=False, strip=False)
    auth = forms.ChoiceField(label="Sign-in", choices=AUTHS, required=False)
    impersonate = forms.BooleanField(label="This is a service account", required=False)
    folders = forms.MultipleChoiceField(required=False)
    calendars = forms.MultipleChoiceField(required=False)
    aliases = AliasesField()

    @sensitive_variables()
    def __init__(
        self,
        data: Any = None,
        *,
        member: Member,
        mailbox: Mailbox | None = None,
        choices: Choices | None = None,
    ) -> None:
        """`choices` of an account that is connected: what is not ticked is left out."""
        self.mailbox, self.choices = mailbox, choices or Choices()
        self.exchange = Exchange("", {})
        super().__init__(data, initial=_initial(member, mailbox), auto_id="exchange_%s")
        if mailbox:
            self.fields["address"].disabled = True
        for name, found in (("folders", self.choices.mail), ("calendars", self.choices.calendars)):
            field = self.fields[name]
            assert isinstance(field, forms.MultipleChoiceField)
            field.choices = [(one.id, one.name) for one in found]

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        values = super().clean()
        self._check_choice("folders", values.get("reads_mail"), self.choices.mail)
        self._check_choice("calendars", values.get("reads_calendar"), self.choices.calendars)
        if not self.errors:
            server = self._server(values)
            password = values["password"] or self._kept(server)
            if not password:
                self.add_error("password", "Enter the password.")
            parts = {part: self._left_out(part) for part in (MAIL, CALENDAR) if values[f"reads_{part}"]}
            self.exchange = Exchange(password, {part: {**server, **more} for part, more in parts.items()})
        return values

    def _check_choice(self, name: str, is_read: bool | None, offered: tuple[Choice, ...]) -> None:
        if is_read and offered and not self.cleaned_data.get(name):
            self.add_error(name, "Tick at least one, or switch it off.")

    def _server(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "address": values["address"],
            "endpoint": values["endpoint"],
            "username": values["username"] or values["address"],
            "auth": values["auth"] or "basic",
            "impersonate": values["impersonate"],
        }

    @sensitive_variables()
    def _kept(self, server: Mapping[str, Any]) -> str:
        """The stored password, if it still goes to where it was entered for."""
        if self.mailbox is None or not self.mailbox.credential:
            return ""
        try:
            stored = decrypt(self.mailbox.credential)
        except KeyMissing:
            return ""
        for part, known in known_servers(self.mailbox).items():
            is_same = all(known.get(name) == server[name] for name in ("endpoint", "username", "address"))
            if is_same and stored.get(part):
                return stored[part]
        return ""

    def _left_out(self, part: str) -> dict[str, Any]:
        """Where there was nothing to choose from, what was left out before still is."""
        offered = self.choices.mail if part == MAIL else self.choices.calendars
        read = self.cleaned_data["folders" if part == MAIL else "calendars"]
        left_out = [one.id for one in offered if one.id not in read] if offered else self._before(part)
        return {"left_out": left_out} if left_out else {}

    def _before(self, part: str) -> list[str]:
        known = known_servers(self.mailbox).get(part, {}) if self.mailbox else {}
        return list(known.get("left_out", ()))

    def read_again(self) -> list[StreamKind]:
        """Streams of which another selection is to be read."""
        now = {part: list(said.get("left_out", ())) for part, said in self.exchange.settings.items()}
        return [kind for kind in StreamKind if kind in now and now[kind] != self._before(kind)]


def _initial(member: Member, mailbox: Mailbox | None) -> dict[str, Any]:
    if mailbox is None:
        return {"address": member.user.email, "auth": "basic", "reads_mail": True, "reads_calendar": True}
    known = next(iter(known_servers(mailbox).values()), {})
    return {
        "address": mailbox.address,
        "endpoint": known.get("endpoint", ""),
        "username": known.get("username", ""),
        "auth": known.get("auth", "basic"),
        "impersonate": known.get("impersonate", False),
        "reads_mail": MAIL in mailbox.settings,
        "reads_calendar": CALENDAR in mailbox.settings,
        "aliases": "\n".join(sorted(mailbox.own_emails() - {mailbox.address})),
        "history_from": mailbox.history_from,
    }
