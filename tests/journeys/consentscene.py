"""Ada's account at Google or Microsoft: its sign-in pages by the emulator, its mail and calendars by our fakes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.urls import reverse

from mailboxes.leasing import pick_due
from mailboxes.models import SyncStream
from mailboxes.syncing import run
from tests.fakes.google import CALENDAR as GOOGLE_CALENDAR
from tests.fakes.google import SIGN_IN as GOOGLE_SIGN_IN
from tests.fakes.google import Google, google
from tests.fakes.graph_people import attendee
from tests.fakes.microsoft import Microsoft, microsoft
from tests.journeys.stage import BOB, NOW, Stage, letter
from tests.mailboxes.consentrig import places
from tests.mailboxes.letters import expire_leases
from tests.servers.emulator import Emulator, emulated

ADA, ALIAS, PRIVATE = "ada@halyard.example", "ada.l@halyard.example", "ada@private.example"
WRITER = f"Ada <{ADA}>"
TEAM = "c_team@group.calendar.google.com"


@dataclass
class GoogleAccount:
    """What happens in Ada's account."""

    fake: Google
    label: str = "Google"
    calendar_scopes: frozenset[str] = frozenset(GOOGLE_CALENDAR) - frozenset(GOOGLE_SIGN_IN)

    def fill(self) -> None:
        box = self.fake.mailbox(ADA)
        box.add_alias(ALIAS)
        box.deliver(letter(1, WRITER, BOB, "Slate roof"), labels=["SENT"])
        self.file(letter(2, BOB, WRITER, "Re: Slate roof", answers=1, days_ago=1), box.add_label("Roofs"))
        self.fake.add_calendar(ADA, TEAM, summary="Team")
        for calendar, title, days in (("", "Look at the roof", 2), (TEAM, "Handover", 9)):
            guests = [{"email": one, "responseStatus": "accepted"} for one in (ADA, "bob@acme.example")]
            self.fake.calendar(ADA, calendar).add(
                title, attendees=guests, organizer={"email": ADA}, **_hour_in(days)
            )

    def file(self, raw: bytes, label: str = "") -> None:
        self.fake.mailbox(ADA).deliver(raw, labels=["INBOX", *([label] if label else [])])


@dataclass
class MicrosoftAccount:
    fake: Microsoft
    label: str = "Microsoft"
    calendar_scopes: frozenset[str] = frozenset({"Calendars.Read"})

    def fill(self) -> None:
        box = self.fake.mailbox(ADA)
        self.fake.grants.users[ADA].aliases.append(ALIAS)
        box.add_folder("Roofs")
        box.deliver(letter(1, WRITER, BOB, "Slate roof"), "sentitems")
        self.file(letter(2, BOB, WRITER, "Re: Slate roof", answers=1, days_ago=1), "Roofs")
        self.fake.add_calendar(ADA, "Team")
        for calendar, title, days in (("", "Look at the roof", 2), ("Team", "Handover", 9)):
            guests = [attendee("bob@acme.example", "accepted")]
            self.fake.calendar(ADA, calendar).add(subject=title, attendees=guests, **_hour_in(days))

    def file(self, raw: bytes, folder: str = "inbox") -> None:
        self.fake.mailbox(ADA).deliver(raw, folder)


def _hour_in(days: int) -> dict[str, str]:
    start = NOW + timedelta(days=days)
    return {"start": f"{start:%FT%T}", "end": f"{start + timedelta(hours=1):%FT%T}"}


@dataclass
class Scene:
    stage: Stage
    account: GoogleAccount | MicrosoftAccount
    emulator: Emulator

    @property
    def label(self) -> str:
        return self.account.label

    def read(self) -> dict[str, int]:
        """What is due, as workers take it on; how many items each stream fetched."""
        expire_leases()
        streams = SyncStream.objects.order_by("kind")
        leases = [(str(one.kind), lease) for one in streams for lease in pick_due(stream_id=one.pk)]
        return {kind: run(lease, slice_seconds=None).fetched for kind, lease in leases}

    def given_back(self) -> list[str]:
        """Whose grants we have given back at the provider, by the log of those that it has heard."""
        heard = self.emulator.log.of("POST", "/revoke")
        return [call.user for call in heard if call.status == 200]


@contextmanager
def scene_at(kind: str, stage: Stage, settings: Any) -> Iterator[Scene]:
    """The stage, with this installation registered at the emulator; Ada's account is full."""
    settings.PUBLIC_URL = stage.site
    with google() if kind == "google" else microsoft() as fake:
        for email, name in ((ADA, "Ada Lovelace"), (PRIVATE, "Ada at home")):
            fake.add_user(email, name=name)
        callback = stage.site + reverse("consent_callback", args=[kind])
        with emulated(fake, callback=callback) as emulator:
            account = GoogleAccount(fake) if isinstance(fake, Google) else MicrosoftAccount(fake)
            _register(account, emulator, settings)
            stage.ways_out.append(emulator.url)
            account.fill()
            yield Scene(stage, account, emulator)


def _register(account: GoogleAccount | MicrosoftAccount, emulator: Emulator, settings: Any) -> None:
    name = account.label.upper()
    values = {"CLIENT_ID": account.fake.client.id, "CLIENT_SECRET": account.fake.client.secret}
    values["SIGN_IN_URL"] = emulator.url
    if isinstance(account, GoogleAccount):
        api = account.fake.api_url
        values |= {"TOKEN_URL": emulator.url, "MAIL_URL": api, "CALENDAR_URL": api}
    else:
        api = values["GRAPH_URL"] = account.fake.graph_url
    for key, value in values.items():
        setattr(settings, f"{name}_{key}", value)
    settings.EGRESS_ALLOWED_NETWORKS = [*settings.EGRESS_ALLOWED_NETWORKS, *places(emulator.url, api)]
