"""Google, for tests: accounts, mail and calendars behind the real endpoints, on loopback.

with google() as fake:
    fake.add_user("ada@example.com")
    fake.mailbox("ada@example.com").deliver(raw)
    token = fake.grant("ada@example.com", *MAIL).access_token
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.fakes.faults import Answer, Clock, Faults, Log, Request
from tests.fakes.gmail import Gmail
from tests.fakes.gmail_mailbox import Mailbox
from tests.fakes.google_api import Api, Route, batch, not_found, refusal
from tests.fakes.google_calendar import GoogleCalendar
from tests.fakes.google_events import Calendar
from tests.fakes.google_grants import AUTH, EMAIL, PROFILE, Client, Consent, GoogleGrants, Grant, User
from tests.fakes.google_oauth import GoogleOAuth
from tests.fakes.serving import HttpFake

# What the product asks for.
SIGN_IN = ("openid", "email", "profile")
MAIL = (*SIGN_IN, f"{AUTH}gmail.readonly")
CALENDAR = (*SIGN_IN, f"{AUTH}calendar.events.readonly", f"{AUTH}calendar.calendarlist.readonly")
REDIRECT_URI = "http://testserver/accounts/google/login/callback/"


@contextmanager
def google() -> Iterator["Google"]:
    fake = Google()
    with fake.http.listening("accounts", "token", "api") as urls:
        fake.oauth.urls = urls
        yield fake


class Google:
    """One directory of accounts. Hosts are apart, as with Google: `accounts_url` is where people sign
    in, `oauth_url` where tokens are, `api_url` where mail, calendars and certificates are."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.client = Client("rapport.apps.googleusercontent.com", "GOCSPX-secret", {REDIRECT_URI})
        self.grants = GoogleGrants(self.clock, self.client)
        self.oauth = GoogleOAuth(self.grants)
        self.gmail = Gmail(self.grants, self.clock)
        self.calendars = GoogleCalendar(self.grants, self.clock)
        self._people = Api(self.grants, _userinfo_routes(self.grants), known=())
        self.http = HttpFake(self._answer, owner=self.grants.owner, refusal=refusal, clock=self.clock)

    @property
    def log(self) -> Log:
        return self.http.log

    @property
    def faults(self) -> Faults:
        return self.http.faults

    # Where everything is.

    @property
    def accounts_url(self) -> str:
        return self.oauth.urls["accounts"]

    @property
    def oauth_url(self) -> str:
        return self.oauth.urls["token"]

    @property
    def api_url(self) -> str:
        return self.oauth.urls["api"]

    @property
    def authorize_url(self) -> str:
        return f"{self.accounts_url}/o/oauth2/v2/auth"

    @property
    def token_url(self) -> str:
        return f"{self.oauth_url}/token"

    @property
    def revoke_url(self) -> str:
        return f"{self.oauth_url}/revoke"

    @property
    def certs_url(self) -> str:
        """Keys as a JWKS; under v1, as certificates by key id."""
        return f"{self.api_url}/oauth2/v3/certs"

    @property
    def userinfo_url(self) -> str:
        return f"{self.api_url}/oauth2/v3/userinfo"

    # Whom there is.

    def add_user(self, email: str, *, name: str = "", hosted_domain: str = "") -> User:
        """With an empty mailbox and an empty primary calendar."""
        self.gmail.add_mailbox(email)
        self.calendars.add(email)
        return self.grants.add_user(email, name=name, hosted_domain=hosted_domain)

    def mailbox(self, email: str) -> Mailbox:
        return self.gmail.mailboxes[email]

    def calendar(self, email: str, id: str = "") -> Calendar:
        return self.calendars.lists[email].entries[id or email].calendar

    def add_calendar(self, email: str, id: str, **about: Any) -> Calendar:
        return self.calendars.add(email, id=id, **about)

    # What they do.

    def consents(self, email: str, *, without: tuple[str, ...] = ()) -> None:
        """From now on, this is who signs in; boxes of the scopes in `without` stay empty."""
        self.grants.consent = Consent(email, frozenset(without))

    def declines(self) -> None:
        self.grants.consent = Consent(declines=True)

    def grant(self, email: str, *scopes: str) -> Grant:
        return self.grants.grant(email, *scopes)

    def expire_access(self, email: str) -> None:
        self.grants.expire_access(email)

    def revoke(self, email: str) -> None:
        self.grants.revoke(email)

    def change_password(self, email: str) -> None:
        self.grants.change_password(email)

    def withhold(self, email: str, *scopes: str) -> None:
        self.grants.withhold(email, *scopes)

    def _answer(self, request: Request) -> Answer:
        answer = self.oauth.answer(request)
        if answer is None and request.server == "api":
            if request.path == "/batch/gmail/v1":
                return batch(request, at_most=100, prefix="/gmail/v1/")
            if request.path == "/batch/calendar/v3":
                return batch(request, at_most=50, prefix="/calendar/v3/")
            apis = (self.gmail.api, self.calendars.api, self._people)
            answer = next((found for api in apis if (found := api.answer(request)) is not None), None)
        return answer or not_found()


def _userinfo_routes(grants: GoogleGrants) -> list[Route]:
    def told(request: Request) -> dict[str, Any]:
        token = grants.access_token(request.bearer)
        assert token
        return grants.claims(token.user, token.scopes)

    def version_3(request: Request, params: dict[str, Any]) -> object:
        return told(request)

    def version_2(request: Request, params: dict[str, Any]) -> object:
        names = {"sub": "id", "email_verified": "verified_email"}
        return {names.get(name, name): value for name, value in told(request).items()}

    identity = frozenset({"openid", EMAIL, PROFILE})
    return [
        Route("GET", "/oauth2/v3/userinfo", version_3, frozenset({"openid"})),
        Route("GET", "/oauth2/v2/userinfo", version_2, identity),
    ]
