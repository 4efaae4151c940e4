"""A member allows us, at the provider, to read an account: the way out, the way back, and what was
allowed, before anything is linked.

What has to be remembered meanwhile is in the session, tokens encrypted. Each question is answered
once, by the session, user and workspace that asked.
"""

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from crm.addresses import normalise
from crm.models import Member, User
from mailboxes.accounts.applications import CALENDAR, MAIL, application
from mailboxes.accounts.connecting import change, connect
from mailboxes.accounts.opening import egress
from mailboxes.accounts.refusing import (
    AnotherAccount,
    refuse,
    refuse_known,
    refuse_over_plan,
    unknown_to_others,
)
from mailboxes.accounts.trying import CannotConnect, known_servers
from mailboxes.credentials import decrypt, encrypt, granted
from mailboxes.models import Mailbox, MailboxKind, MailboxState
from mailboxes.providers import oauth
from mailboxes.providers.base import ProviderError
from mailboxes.providers.oauth import Application, Grant, Question

logger = logging.getLogger(__name__)

Session = MutableMapping[str, Any]

# Addresses that these vouch for are their owners'; Microsoft's are what a tenant's administrator types.
VOUCHED = frozenset({MailboxKind.GOOGLE})
_QUESTIONS, _OFFER = "mailbox_questions", "mailbox_offer"
_MOST_QUESTIONS = 5
_SECONDS = 900


class NotAsked(CannotConnect):
    """An answer without a question of this session and user; `str(error)` says what to do."""

    def __init__(self) -> None:
        super().__init__("This answer belongs to no sign-in that was begun here. Begin again.")


@dataclass(frozen=True)
class Offer:
    """An account that may be read, not linked yet. `problems` say by part why it cannot be read."""

    kind: str
    member_id: int
    identity: str
    address: str
    name: str
    parts: tuple[str, ...]
    secrets: dict[str, str] = field(repr=False)
    aliases: tuple[str, ...] = ()
    problems: dict[str, str] = field(default_factory=dict)
    mailbox_id: int | None = None
    at: float = field(default_factory=time.time)


Look = Callable[[Application, Offer], Offer]


def ask(
    session: Session, member: Member, *, kind: MailboxKind, redirect_uri: str, mailbox: Mailbox | None = None
) -> str:
    """Where to send the browser. With a mailbox it is to be reconnected. Raises CannotConnect."""
    app = _registered(kind)
    if mailbox is None:
        refuse_over_plan(member)
    question = Question.new()
    asked = {
        "kind": kind.value,
        "member": member.pk,
        "user": member.user_id,
        "mailbox": mailbox.pk if mailbox else None,
        "secrets": encrypt({"verifier": question.verifier, "nonce": question.nonce}).decode("ascii"),
        "at": time.time(),
    }
    open_ones = sorted(_questions(session).items(), key=lambda one: one[1]["at"])
    session[_QUESTIONS] = dict([*open_ones[1 - _MOST_QUESTIONS :], (question.state, asked)])
    hint = mailbox.address if mailbox else ""
    return oauth.sign_in_url(app, question, redirect_uri=redirect_uri, login_hint=hint)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that has now been answered, and cannot be again."""

    member: Member
    kind: MailboxKind
    mailbox: Mailbox | None
    question: Question


def take_question(session: Session, user: User, *, kind: MailboxKind, state: str) -> Asked:
    """Raises NotAsked."""
    questions = _questions(session)
    asked = questions.pop(state, None)
    session[_QUESTIONS] = questions
    if asked is None or asked["kind"] != kind or asked["user"] != user.pk:
        raise NotAsked
    members = Member.objects.filter(pk=asked["member"], user=user, is_active=True)
    member = members.select_related("workspace", "user").first()
    if member is None:
        raise NotAsked
    mailbox = None
    if asked["mailbox"]:
        mailbox = Mailbox.objects.owned_by(member).filter(pk=asked["mailbox"], kind=kind).first()
        if mailbox is None or mailbox.state == MailboxState.REMOVING:
            raise CannotConnect("The account that was to be reconnected has been removed.")
    try:
        secrets = decrypt(asked.get("secrets", "").encode("ascii"))
    except ProviderError as error:
        raise NotAsked from error
    return Asked(member, kind, mailbox, Question(state, secrets["verifier"], secrets["nonce"]))


@sensitive_variables("code", "grant")
def take_answer(asked: Asked, code: str, *, redirect_uri: str, look: Look) -> Offer:
    """The code that came back → what may be read, looked at once. Raises CannotConnect."""
    app = _registered(asked.kind)
    try:
        grant = oauth.exchange(app, code, asked.question, redirect_uri=redirect_uri, egress=egress())
    except ProviderError as error:
        raise CannotConnect(str(error)) from error
    return look(app, _offer(app, asked, grant))


def keep(session: Session, offer: Offer) -> None:
    session[_OFFER] = encrypt({"offer": json.dumps(asdict(offer))}).decode("ascii")


def kept(session: Session, member: Member, *, kind: MailboxKind) -> Offer | None:
    """What this member was offered a moment ago."""
    try:
        offer = Offer(**json.loads(decrypt(session[_OFFER].encode("ascii"))["offer"]))
    except (KeyError, TypeError, ValueError, ProviderError):  # perhaps one of before an update
        return None
    is_current = time.time() - offer.at < _SECONDS
    return offer if is_current and (offer.member_id, offer.kind) == (member.pk, kind) else None


def forget(session: Session) -> None:
    session.pop(_OFFER, None)


def decline(session: Session, member: Member, *, kind: MailboxKind) -> None:
    """Not this account: what came with it is forgotten here, and given back there."""
    offer = kept(session, member, kind=kind)
    forget(session)
    if offer:
        _give_back(kind, offer.identity, offer.secrets)


def accept(offer: Offer, member: Member, *, settings: dict[str, Any], **limits: Any) -> Mailbox:
    """Link the account. `limits` is history_from. Raises CannotConnect."""
    aliases = offer.aliases
    if offer.kind not in VOUCHED:
        refuse_known(member, [offer.address])
        aliases = tuple(unknown_to_others(member, aliases))
    refuse(member, kind=MailboxKind(offer.kind), addresses=[offer.address, *aliases])
    with transaction.atomic():
        _follow_rename(offer, member)
        return connect(
            member,
            kind=MailboxKind(offer.kind),
            address=offer.address,
            settings=settings,
            aliases=aliases,
            secrets=offer.secrets,
            identity=offer.identity,
            **limits,
        )


def reconnect(offer: Offer, mailbox: Mailbox, *, by: Member) -> None:
    """The same account again, with all that was chosen for it. A part that is no longer allowed is
    not read. Raises AnotherAccount."""
    if offer.identity != mailbox.identity:
        raise AnotherAccount(
            f"You signed in as {offer.address}, and this account is {mailbox.address}. Sign in as that one, "
            "or connect the other as an account of its own."
        )
    was_on = {name: known for name, known in mailbox.settings.items() if name in (MAIL, CALENDAR)}
    settings = {name: known for name, known in was_on.items() if name in offer.parts}
    with transaction.atomic():
        _follow_rename(offer, by)
        change(
            mailbox,
            settings or was_on,
            by=by,
            aliases=mailbox.own_emails(),  # and the address that it has now
            secrets=offer.secrets,
            history_from=mailbox.history_from,
        )


@sensitive_variables()
def give_back_grant(mailbox: Mailbox) -> None:
    """What a provider allowed for a mailbox that is being removed. There is one grant for each account
    of a provider: while another mailbox lives by it, it stays. A provider that does not answer is not
    waited for; the owner can take it back there as well."""
    if not mailbox.credential:
        return
    kind, credential = MailboxKind(mailbox.kind), mailbox.credential
    mailbox.credential = b""
    mailbox.save(update_fields=["credential"])
    try:
        _give_back(kind, mailbox.identity, decrypt(credential))
    except ProviderError:  # no key fits
        logger.warning("mailbox %s: its grant could not be given back", mailbox.pk)


@sensitive_variables()
def _give_back(kind: MailboxKind, identity: str, secrets: Mapping[str, str]) -> None:
    app = application(kind)
    living = Mailbox.objects.filter(kind=kind, identity=identity).exclude(credential=b"")
    if app is None or not identity or living.exists():
        return
    try:
        oauth.revoke(app, secrets.get("refresh", ""), egress=egress())
    except ProviderError as error:
        logger.warning("a grant was not given back: %s", type(error).__name__)


def wanted_parts(mailbox: Mailbox) -> dict[str, Any]:
    """Also what is switched off."""
    return {name: known for name, known in known_servers(mailbox).items() if name in (MAIL, CALENDAR)}


def _offer(app: Application, asked: Asked, grant: Grant) -> Offer:
    address = normalise(str(grant.claims.get("email") or grant.claims.get("preferred_username") or ""))
    if address is None or not grant.refresh:
        raise CannotConnect(
            f"{app.label} did not say which account this is, or not for how long. Begin again."
        )
    return Offer(
        kind=asked.kind.value,
        member_id=asked.member.pk,
        identity=f"{grant.claims['iss']} {grant.claims['sub']}",
        address=address,
        name=str(grant.claims.get("name") or ""),
        parts=tuple(part for part in (MAIL, CALENDAR) if app.granted_for(part, grant.granted)),
        secrets=granted(grant),
        mailbox_id=asked.mailbox.pk if asked.mailbox else None,
    )


def looked_at(
    offer: Offer, problems: dict[str, str], *, address: str = "", aliases: Iterable[str] = ()
) -> Offer:
    """With what stands in the way of reading each part, and the addresses the account turned out to
    have."""
    offer = replace(offer, address=normalise(address) or offer.address)
    own = dict.fromkeys(one for email in aliases if (one := normalise(email)) and one != offer.address)
    parts = tuple(part for part in offer.parts if part not in problems)
    return replace(offer, parts=parts, problems=problems, aliases=tuple(own))


def _follow_rename(offer: Offer, member: Member) -> None:
    """The same account under another address. Raises AnotherAccount where that is taken."""
    _refuse_namesake(offer, member)
    known = Mailbox.objects.owned_by(member).filter(kind=offer.kind, identity=offer.identity)
    known.exclude(address=offer.address).update(address=offer.address)


def _refuse_namesake(offer: Offer, member: Member) -> None:
    same = Mailbox.objects.owned_by(member).filter(kind=offer.kind, address=offer.address)
    if same.exclude(identity=offer.identity).exists():
        raise AnotherAccount(
            f"{offer.address} is connected already, and was another account then. Remove that one first."
        )


def _registered(kind: MailboxKind) -> Application:
    app = application(kind)
    if app is None:
        raise CannotConnect(f"{kind.label} is not set up on this installation. Ask an administrator.")
    return app


def _questions(session: Session) -> dict[str, Any]:
    now = time.time()
    found = session.get(_QUESTIONS, {})
    return {state: asked for state, asked in found.items() if now - asked["at"] < _SECONDS}
