"""A mailbox's stream → the provider that reads it."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from mailboxes.accounts.applications import application
from mailboxes.credentials import AccountTokens, decrypt
from mailboxes.egress import Egress
from mailboxes.models import Mailbox, MailboxKind, StreamKind, SyncStream
from mailboxes.providers import oauth
from mailboxes.providers.archive.provider import ArchiveCalendar, ArchiveMail
from mailboxes.providers.base import Provider, SetupWrong
from mailboxes.providers.caldav.provider import CalDavCalendar
from mailboxes.providers.google import tokens as google_tokens
from mailboxes.providers.google.calendar import GoogleCalendars
from mailboxes.providers.google.gmail import GmailMail
from mailboxes.providers.imap.provider import ImapMail
from mailboxes.providers.microsoft.calendar import GraphCalendars
from mailboxes.providers.microsoft.mail import GraphMail
from mailboxes.providers.oauth import Application


def open_provider(stream: SyncStream) -> Provider:
    """Raises a ProviderError when the account's settings or credentials cannot be used."""
    mailbox = stream.mailbox
    match mailbox.kind:
        case MailboxKind.ARCHIVE:
            return _open_archive(mailbox, stream.kind)
        case MailboxKind.IMAP:
            return _open_server(mailbox, stream.kind)
        case MailboxKind.GOOGLE:
            return open_google(mailbox, stream.kind)
        case MailboxKind.MICROSOFT:
            return open_microsoft(mailbox, stream.kind)
        case MailboxKind.EXCHANGE:
            passwords, own = decrypt(mailbox.credential), mailbox.own_emails()
            return open_exchange(mailbox.settings, passwords, stream.kind, own=own)
    raise SetupWrong("This kind of account cannot be read.")


def egress() -> Egress:
    """Where the administrator lets members' accounts lead us."""
    return Egress.allowing(
        settings.EGRESS_ALLOWED_NETWORKS,
        ports=settings.EGRESS_ALLOWED_PORTS,
        ca_file=settings.EGRESS_CA_FILE,
    )


def _open_archive(mailbox: Mailbox, kind: str) -> Provider:
    files = {name: [Path(path) for path in paths] for name, paths in mailbox.settings.items()}
    if kind == StreamKind.MAIL:
        return ArchiveMail(mbox=files.get("mbox", []), maildir=files.get("maildir", []))
    return ArchiveCalendar(ics=files.get("ics", []))


def tokens_of(mailbox: Mailbox, app: Application) -> AccountTokens:
    renew = google_tokens.renew if mailbox.kind == MailboxKind.GOOGLE else oauth.renew
    return AccountTokens(mailbox.pk, lambda refresh: renew(app, refresh, egress=egress()))


def open_google(mailbox: Mailbox, kind: str) -> GmailMail | GoogleCalendars:
    tokens = tokens_of(mailbox, _application(mailbox))
    said = mailbox.settings.get(kind, {})
    if kind == StreamKind.MAIL:
        return GmailMail(
            tokens=tokens,
            egress=egress(),
            url=settings.GOOGLE_MAIL_URL,
            left_out=said.get("left_out", ()),
            units_per_minute=settings.GMAIL_UNITS_PER_MINUTE,
        )
    return GoogleCalendars(
        tokens=tokens, egress=egress(), url=settings.GOOGLE_CALENDAR_URL, chosen=said.get("chosen")
    )


def open_microsoft(mailbox: Mailbox, kind: str) -> GraphMail | GraphCalendars:
    tokens = tokens_of(mailbox, _application(mailbox))
    said = mailbox.settings.get(kind, {})
    url = settings.MICROSOFT_GRAPH_URL
    if kind == StreamKind.MAIL:
        return GraphMail(tokens=tokens, egress=egress(), url=url, left_out=said.get("left_out", ()))
    own = mailbox.own_emails()
    return GraphCalendars(tokens=tokens, egress=egress(), url=url, own=own, chosen=said.get("chosen"))


@sensitive_variables("passwords")
def open_exchange(
    accounts: Mapping[str, Any], passwords: Mapping[str, str], kind: str, *, own: Collection[str] = ()
) -> Any:
    # The library behind it takes 50 MB, and few processes need it.
    from mailboxes.providers.exchange import account as exchange_account

    return exchange_account.open_exchange(accounts, passwords, kind, egress=egress(), own=own)


def _application(mailbox: Mailbox) -> Application:
    app = application(MailboxKind(mailbox.kind))
    if app is None:
        label = MailboxKind(mailbox.kind).label
        raise SetupWrong(f"{label} is no longer set up on this installation. Ask an administrator.")
    return app


def _open_server(mailbox: Mailbox, kind: str) -> Provider:
    passwords = decrypt(mailbox.credential)
    if kind == StreamKind.MAIL:
        return ImapMail(**mailbox.settings["imap"], password=passwords["imap"], egress=egress())
    return CalDavCalendar(**mailbox.settings["caldav"], password=passwords["caldav"], egress=egress())
