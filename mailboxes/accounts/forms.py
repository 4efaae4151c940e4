"""What a member enters to connect an account: checked and normalised, and never shown its secrets."""

from typing import Any, cast

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from crm.addresses import domain_of, normalise
from crm.models import Member
from mailboxes.accounts.trying import (
    CannotConnect,
    Servers,
    calendar_server,
    known_servers,
    mail_server,
    place_of,
)
from mailboxes.credentials import KeyMissing, decrypt
from mailboxes.models import Mailbox, MailboxKind

SECURITIES = (("tls", "TLS"), ("starttls", "STARTTLS"))
UNENCRYPTED = ("none", "None")
SECRETS = ("password", "calendar_password")
_MOST_ALIASES = 50


class AddressField(forms.CharField):
    """In the one spelling that we store."""

    def clean(self, value: Any) -> str:
        address = normalise(super().clean(value))
        if address is None:
            raise forms.ValidationError("This is not an email address.")
        return address


class AliasesField(forms.CharField):
    """One on a line, or by commas."""

    def __init__(self) -> None:
        super().__init__(
            label="Also yours",
            help_text="One on a line. Mail from these addresses is yours too.",
            required=False,
            max_length=20_000,
            widget=forms.Textarea,
        )

    def clean(self, value: Any) -> list[str]:
        words = super().clean(value).replace(",", " ").split()
        for word in words:
            if normalise(word) is None:
                raise forms.ValidationError(f"“{word}” is not an email address.")
        if len(words) > _MOST_ALIASES:
            raise forms.ValidationError(f"An account can have {_MOST_ALIASES} addresses besides its own.")
        return [address for word in words if (address := normalise(word))]


def _password(label: str) -> forms.CharField:
    widget = forms.PasswordInput(render_value=False)
    return forms.CharField(label=label, required=False, strip=False, max_length=1000, widget=widget)


class PartsForm(forms.Form):
    """What is read of an account, and how far back."""

    reads_mail = forms.BooleanField(label="Mail", required=False)
    reads_calendar = forms.BooleanField(label="Calendar", required=False)
    history_from = forms.DateField(label="Read back to", required=False)

    def clean_history_from(self) -> Any:
        day = self.cleaned_data["history_from"]
        if day and day > timezone.localdate():
            raise forms.ValidationError("This day is yet to come.")
        return day

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if not (values.get("reads_mail") or values.get("reads_calendar")):
            self.add_error(None, "Switch on mail, the calendar, or both.")
        return values


class ServersForm(PartsForm):
    """An IMAP account, its CalDAV calendars, or both; new, or the one of `mailbox`."""

    address = AddressField(label="Email address", max_length=320)
    username = forms.CharField(label="User name", required=False, max_length=320)
    password = _password("Password")
    imap_host = forms.CharField(label="IMAP server", required=False, max_length=253)
    imap_port = forms.IntegerField(label="Port", required=False, min_value=1, max_value=65535)
    security = forms.ChoiceField(label="Encryption", choices=SECURITIES, required=False)
    caldav_url = forms.CharField(label="CalDAV address", required=False, max_length=2000)
    calendar_username = forms.CharField(label="User name", required=False, max_length=320)
    calendar_password = _password("Password")
    aliases = AliasesField()
    is_same_account = forms.BooleanField(label="It is the same account", required=False)

    def __init__(self, data: Any = None, *, member: Member, mailbox: Mailbox | None = None) -> None:
        self.mailbox = mailbox
        self.servers = Servers()
        super().__init__(data, initial=_initial(member, mailbox), auto_id="connect_%s")
        if settings.EGRESS_ALLOWED_NETWORKS:
            cast(forms.ChoiceField, self.fields["security"]).choices = [*SECURITIES, UNENCRYPTED]
        self.fields["address"].disabled = mailbox is not None

    @property
    def guessed_domain(self) -> str:
        """For the placeholders: where the servers of such an address often are."""
        address = normalise(str(self["address"].value() or ""))
        return domain_of(address) if address else "example.com"

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        values = super().clean()
        if values.get("reads_mail") and not values.get("imap_host") and not self.has_error("imap_host"):
            self.add_error("imap_host", f"Name the mail server, perhaps imap.{self.guessed_domain}.")
        if values.get("reads_calendar") and not values.get("caldav_url") and not self.has_error("caldav_url"):
            self.add_error("caldav_url", f"Name the calendar server, perhaps https://{self.guessed_domain}/.")
        if not self.errors:
            self._put_together(values)
        return values

    @sensitive_variables()
    def _put_together(self, values: dict[str, Any]) -> None:
        username = values["username"] or values["address"]
        try:
            imap = _mail_server(values, username) if values["reads_mail"] else None
            caldav = _calendar_server(values, username) if values["reads_calendar"] else None
        except CannotConnect as error:
            self._forget("caldav_url")
            self.add_error("caldav_url", str(error))
            return
        self.servers = Servers(imap, caldav, self._passwords(imap, caldav))

    @sensitive_variables()
    def _passwords(self, imap: dict[str, Any] | None, caldav: dict[str, Any] | None) -> dict[str, str]:
        """Those entered now; else the stored one, if it still goes to where it was entered for."""
        stored, places = self._stored()
        is_shared = "imap" not in stored or stored.get("caldav") == stored["imap"]
        entered, own = self.cleaned_data["password"], self.cleaned_data["calendar_password"]
        found = {}
        if imap:
            found["imap"] = entered or _kept(stored, places, "imap", imap)
        if caldav:
            kept = _kept(stored, places, "caldav", caldav)
            found["caldav"] = own or (entered if is_shared or not kept else "") or kept
        for name, password in found.items():
            if not password:
                self._ask_for_password(name, is_stored=name in stored)
        return found

    def _stored(self) -> tuple[dict[str, str], dict[str, tuple]]:
        if self.mailbox is None or not self.mailbox.credential:
            return {}, {}
        places = {name: place_of(name, server) for name, server in known_servers(self.mailbox).items()}
        try:
            return decrypt(self.mailbox.credential), places
        except KeyMissing:
            return {}, places

    def _ask_for_password(self, name: str, *, is_stored: bool) -> None:
        what = "mail" if name == "imap" else "the calendar"
        why = "The server or user name has changed, so enter" if is_stored else "Enter"
        has_own = name == "caldav" and self.cleaned_data["calendar_username"]
        asked = "calendar_password" if has_own else "password"
        if not self.has_error(asked):
            self.add_error(asked, f"{why} the password for {what}{' again' if is_stored else ''}.")

    def _forget(self, name: str) -> None:
        """What was typed there must not come back with the page."""
        self.data = {key: value for key, value in self.data.items() if key != name}


class _FilesInput(forms.FileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One or more. Empty ones are told so by name, later."""

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = list(data or [])
        if not files:
            raise forms.ValidationError("Choose at least one file.")
        return files


class ArchiveForm(forms.Form):
    uploaded = FilesField(label="Files", widget=_FilesInput)
    address = AddressField(label="Whose mail is it?", max_length=320)
    aliases = AliasesField()

    def __init__(self, data: Any = None, files: Any = None, *, member: Member) -> None:
        super().__init__(data, files, initial={"address": member.user.email}, auto_id="archive_%s")


def _initial(member: Member, mailbox: Mailbox | None) -> dict[str, Any]:
    if mailbox is None:
        own = Mailbox.objects.owned_by(member).filter(kind=MailboxKind.IMAP, address=member.user.email)
        address = "" if own.exists() else member.user.email
        return {"address": address, "security": "tls", "reads_mail": True, "reads_calendar": True}
    known = known_servers(mailbox)
    imap, caldav = known.get("imap", {}), known.get("caldav", {})
    username = imap.get("username") or caldav.get("username", "")
    calendar_username = caldav.get("username", "")
    aliases = sorted(mailbox.own_emails() - {mailbox.address})
    return {
        "address": mailbox.address,
        "username": username,
        "reads_mail": "imap" in mailbox.settings,
        "imap_host": imap.get("host", ""),
        "imap_port": imap.get("port"),
        "security": imap.get("security", "tls"),
        "reads_calendar": "caldav" in mailbox.settings,
        "caldav_url": caldav.get("url", ""),
        "calendar_username": calendar_username if calendar_username != username else "",
        "aliases": "\n".join(aliases),
        "history_from": mailbox.history_from,
    }


def _mail_server(values: dict[str, Any], username: str) -> dict[str, Any]:
    return mail_server(
        values["imap_host"],
        security=values["security"] or "tls",
        port=values["imap_port"],
        username=username,
    )


def _calendar_server(values: dict[str, Any], username: str) -> dict[str, Any]:
    return calendar_server(values["caldav_url"], username=values["calendar_username"] or username)


@sensitive_variables()
def _kept(stored: dict[str, str], places: dict[str, tuple], name: str, server: dict[str, Any]) -> str:
    return stored.get(name, "") if places.get(name) == place_of(name, server) else ""
