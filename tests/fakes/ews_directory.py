"""Who there is at an organisation: people with mailboxes, and accounts that serve."""

import base64
import binascii
from dataclasses import dataclass, field

from tests.fakes.ews_mail import Mailbox
from tests.fakes.ews_soap import Fault, Refusal
from tests.fakes.ews_store import Ids
from tests.fakes.faults import Clock


@dataclass(frozen=True)
class Person:
    email: str
    name: str
    aliases: tuple[str, ...] = ()

    @property
    def addresses(self) -> frozenset[str]:
        return frozenset({self.email, *self.aliases})


@dataclass
class Account:
    """What signs in: a person, or a service that has no mailbox."""

    username: str
    password: str
    person: Person | None = None
    may_impersonate: bool = False


@dataclass
class Directory:
    """`departed` are addresses of people who were here once."""

    clock: Clock
    ids: Ids = field(default_factory=Ids)
    accounts: dict[str, Account] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    boxes: dict[str, Mailbox] = field(default_factory=dict)
    departed: set[str] = field(default_factory=set)

    def add(self, person: Person, username: str, password: str, *, german: bool) -> Mailbox:
        """He may sign in by his username, and by his address."""
        account = Account(username, password, person)
        self.accounts |= {username.lower(): account, person.email.lower(): account}
        self.people[person.email] = person
        box = Mailbox(
            person.email,
            person.name,
            frozenset(one.lower() for one in person.addresses),
            self.ids,
            self.clock,
            self.departed,
            german=german,
        )
        self.boxes[person.email] = box
        return box

    def signed_in(self, authorization: str) -> Account | None:
        kind, _, credentials = authorization.partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            username, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        account = self.accounts.get(username.lower())
        return account if account and account.password == password else None

    def impersonated(self, account: Account, kind: str, value: str) -> Person:
        """Whom an account acts for. An alias is not enough."""
        if not account.may_impersonate:
            raise Fault("ErrorImpersonateUserDenied")
        try:
            email = self._signing_in(value) if kind == "PrincipalName" else self.primary(value)
        except Refusal as refusal:
            raise Fault(refusal.code, values=refusal.values) from refusal
        return self.people[email]

    def primary(self, address: str) -> str:
        """An address that may be used to name a mailbox."""
        wanted = address.lower()
        owner = next((one for one in self.people.values() if wanted in _lower(one)), None)
        if owner is None:
            raise Refusal("ErrorNonExistentMailbox")
        if owner.email.lower() != wanted:
            raise Refusal("ErrorNonPrimarySmtpAddress", values={"Primary": owner.email})
        return owner.email

    def resolve(self, entry: str) -> list[Person]:
        """By the beginning of a name or an address."""
        wanted = entry.lower().removeprefix("smtp:")
        return [
            one
            for one in self.people.values()
            if any(
                known.startswith(wanted)
                for known in {*one.name.lower().split(), one.name.lower(), *_lower(one)}
            )
        ]

    def _signing_in(self, username: str) -> str:
        account = self.accounts.get(username.lower())
        if account is None or account.person is None:
            raise Refusal("ErrorNonExistentMailbox")
        return account.person.email


def _lower(person: Person) -> set[str]:
    return {one.lower() for one in person.addresses}
