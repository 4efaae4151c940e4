"""Microsoft, for tests: sign-in, mail and calendars behind the real endpoints, on loopback.

with microsoft() as fake:
    fake.add_user("ada@contoso.example")
    fake.mailbox("ada@contoso.example").deliver(raw)
    token = fake.grant("ada@contoso.example", *MAIL).access_token
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.fakes.faults import Answer, Clock, Faults, Log, Request, json_answer, words
from tests.fakes.graph_api import Api, Fields, GraphError, Route, checked_select, refusal, selected, text
from tests.fakes.graph_batch import batch
from tests.fakes.graph_calendar import Calendars, GraphCalendar
from tests.fakes.graph_delta import Links
from tests.fakes.graph_events import Calendar
from tests.fakes.graph_mail import GraphMail
from tests.fakes.graph_mailbox import Mailbox
from tests.fakes.microsoft_errors import CODES, SignInError
from tests.fakes.microsoft_grants import Client, Consent, Grant, MicrosoftGrants, Tenant, User
from tests.fakes.microsoft_oauth import MicrosoftOAuth
from tests.fakes.serving import HttpFake

# What the product asks for.
SIGN_IN = ("openid", "profile", "email", "offline_access", "User.Read")
MAIL = (*SIGN_IN, "Mail.Read")
CALENDAR = (*SIGN_IN, "Calendars.Read")
REDIRECT_URI = "http://testserver/accounts/microsoft/login/callback/"
PROFILE = words(
    "id businessPhones displayName givenName jobTitle mail mobilePhone officeLocation preferredLanguage surname "
    "userPrincipalName"
)
PROFILE_ON_REQUEST = words(
    "proxyAddresses otherMails mailNickname userType accountEnabled companyName department country city imAddresses"
)


@contextmanager
def microsoft() -> Iterator["Microsoft"]:
    fake = Microsoft()
    with fake.http.listening("login", "graph") as urls:
        fake.oauth.urls = urls
        fake.grants.login_url, fake.links.base = urls["login"], urls["graph"]
        yield fake


class Microsoft:
    """Tenants, their people, and the application. Hosts are apart, as with Microsoft: `login_url` is where
    people sign in and tokens are, `graph_url` where mail and calendars are."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.client = Client("11112222-aaaa-4bbb-8ccc-333344445555", "ms-secret~1", {REDIRECT_URI})
        self.grants = MicrosoftGrants(self.clock, self.client)
        self.oauth, self.links = MicrosoftOAuth(self.grants), Links()
        self.api = Api(self.grants, self.clock)
        self.mail, self.calendars = GraphMail(self.api, self.links), GraphCalendar(self.api, self.links)
        self.api.routes += [
            Route("/v1.0/me", self._me, frozenset({"User.Read"}), {"$select": text}, outlook=False)
        ]
        self.http = HttpFake(self._answer, owner=self.grants.owner, refusal=self._refusal, clock=self.clock)
        self.add_tenant("contoso.example")

    @property
    def log(self) -> Log:
        return self.http.log

    @property
    def faults(self) -> Faults:
        return self.http.faults

    # Where everything is.

    @property
    def login_url(self) -> str:
        return self.oauth.urls["login"]

    @property
    def graph_url(self) -> str:
        return self.oauth.urls["graph"]

    # Whom there is.

    def add_tenant(self, domain: str, *, bars_consent: bool = False) -> Tenant:
        tenant = self.grants.add_tenant(domain)
        tenant.bars_consent = bars_consent
        return tenant

    def add_user(self, email: str, *, name: str = "", admin: bool = False) -> User:
        """With an empty mailbox and an empty calendar, in the tenant of the address's domain."""
        user = self.grants.add_user(email, name=name, admin=admin)
        self.mail.mailboxes[email] = Mailbox(email, self.clock)
        self.calendars.books[email] = Calendars(email, user.name, self.clock)
        self.add_calendar(email, "Calendar")
        return user

    def mailbox(self, email: str) -> Mailbox:
        return self.mail.mailboxes[email]

    def calendar(self, email: str, name: str = "") -> Calendar:
        return self.calendars.books[email].named(name)

    def add_calendar(self, email: str, name: str, *, zone: str = "Europe/Berlin") -> Calendar:
        return self.calendars.books[email].add(name, zone=zone)

    def remove_calendar(self, email: str, name: str) -> None:
        book = self.calendars.books[email]
        del book.all[book.named(name).id]

    def disable_mailbox(self, email: str) -> None:
        """On premises, or without a licence: Graph does not have it."""
        self.grants.users[email].has_mailbox = False

    # What they do.

    def consents(self, email: str, *, without: tuple[str, ...] = ()) -> None:
        """From now on, this is who signs in; scopes in `without` are not granted."""
        self.grants.consent = Consent(email, frozenset(without))

    def declines(self) -> None:
        self.grants.consent = Consent(declines=True)

    def asks(self) -> None:
        """From now on, the page waits for a click, as it does at first."""
        self.grants.consent = None

    def grant(self, email: str, *scopes: str) -> Grant:
        return self.grants.grant(email, *scopes)

    def expire_access(self, email: str) -> None:
        self.grants.expire_access(email)

    def revoke(self, email: str) -> None:
        self.grants.revoke(email)

    def change_password(self, email: str, *, by_admin: bool = True) -> None:
        self.grants.change_password(email, by_admin=by_admin)

    def refuse_refresh(self, email: str, code: int = 0) -> None:
        """Every refresh is answered with this AADSTS code, until it is 0: 700082, 50076, 53003 …"""
        if code and code not in CODES:
            raise ValueError(f"No such code: {code}")
        self.grants.refusals[email] = code

    def challenge(self, email: str) -> None:
        self.grants.challenge(email)

    def withhold(self, email: str, *scopes: str) -> None:
        self.grants.withhold(email, *scopes)

    # How it answers.

    def _answer(self, request: Request) -> Answer:
        if request.server == "login":
            return self.oauth.answer(request) or json_answer({"error": "not_found"}, 404)
        if request.path == "/v1.0/$batch":
            return batch(self.api, request)
        if request.path == "/oidc/userinfo":
            return self._userinfo(request)
        return self.api.answer(request)

    def _userinfo(self, request: Request) -> Answer:
        try:
            self.api.authenticate(request)
        except GraphError as error:
            return error.answer(self.clock.now())
        user = self.grants.users[request.user]
        return json_answer({"sub": user.id, "name": user.name, "email": user.email})

    def _refusal(self, request: Request, status: int, reason: str) -> Answer:
        """What a fault's status looks like. The reason is a code: of Graph, or of AADSTS at the sign-in."""
        if request.server == "graph":
            answer = refusal(self.clock.now(), status, reason)
            request.detail = reason or "fault"
            return answer
        answer = SignInError(int(reason or 90014), error="" if reason else "temporarily_unavailable").answer(
            self.clock.now()
        )
        answer.status = status
        return answer

    def _me(self, request: Request, params: dict[str, Any]) -> object:
        user = self.grants.users[request.user]
        select = checked_select(params, PROFILE | PROFILE_ON_REQUEST, "user")
        first, _, last = user.name.partition(" ")
        about: Fields = dict.fromkeys(PROFILE | PROFILE_ON_REQUEST)
        about |= {"id": user.id, "displayName": user.name, "givenName": first, "surname": last or None}
        about |= {"mail": user.email if user.has_mailbox else None, "userPrincipalName": user.email}
        about |= {
            "businessPhones": [],
            "imAddresses": [],
            "otherMails": user.other_mails,
            "userType": "Member",
        }
        about |= {"proxyAddresses": [f"SMTP:{user.email}", *(f"smtp:{one}" for one in user.aliases)]}
        about |= {"mailNickname": user.email.partition("@")[0], "accountEnabled": True}
        return selected(about, select or PROFILE)
