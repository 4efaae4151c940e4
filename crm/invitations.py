"""Invitations: a link lets the holder of one address into one workspace, once, for a week.

Only a digest of the link's secret is stored. Where mail is set up the secret is drawn when the mail
is written, so that no queue carries it either; elsewhere the inviting admin is shown it once.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone

from crm.addresses import normalise
from crm.auditing import audit
from crm.locking import lock_workspace
from crm.models import Invitation, Member, Role, User
from crm.workspaces import NotAnAddress, add_member, admit, require_admin

LIFETIME = timedelta(days=7)
SECRET_BYTES = 32
MOST_AT_ONCE = 50


class NotInvited(ValueError):
    """The message says why not."""


class NotForYou(Exception):
    """A good invitation, but to an address that is not verified as this user's."""


class Gone(Exception):
    """Used, expired, revoked or never there: which of these is nobody's business."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of inviting one address: a `problem`, or the invitation. `token` is its secret, empty where
    the link travels by mail."""

    email: str
    problem: str = ""
    invitation: Invitation | None = None
    token: str = ""


def addresses_in(text: str) -> list[str]:
    """What somebody typed or pasted, each once: by commas, lines or blanks, with names or without."""
    found: list[str] = []
    for part in re.split(r"[,;\n]", text):
        inside = re.search(r"<([^<>]*)>", part)
        found += [inside[1].strip()] if inside else part.split()
    return list(dict.fromkeys(found))


def invite_all(texts: Iterable[str], *, role: Role, by: Member) -> list[Outcome]:
    """A bad address keeps none of the others from being invited."""
    return [_outcome(text, role=role, by=by) for text in texts]


def _outcome(text: str, *, role: Role, by: Member) -> Outcome:
    try:
        return invite(text, role=role, by=by)
    except (NotAnAddress, NotInvited) as error:
        return Outcome(text, problem=str(error))


def invite(text: str, *, role: Role, by: Member) -> Outcome:
    """Raises NotAnAddress or NotInvited."""
    require_admin(by, by.workspace_id)
    email = normalise(text)
    if email is None:
        raise NotAnAddress(f"“{text}” is not an email address.")
    with transaction.atomic():
        lock_workspace(by.workspace_id)
        _refuse_member(email, by.workspace_id)
        invitation = _invitable(email, by.workspace_id)
        invitation.role = role
        outcome = _issue(invitation, by=by)
        audit("member_invited", by=by, invitation=invitation.pk)
    return outcome


def renew(invitation: Invitation, *, by: Member) -> Outcome:
    """A new link for another week; the old one stops working."""
    require_admin(by, invitation.workspace_id)
    with transaction.atomic():
        lock_workspace(invitation.workspace_id)
        if not _waiting(invitation).exists():
            raise NotInvited(f"{invitation.email} has accepted meanwhile, or the invitation was revoked.")
        outcome = _issue(invitation, by=by)
        audit("invitation_renewed", by=by, invitation=invitation.pk)
    return outcome


def revoke(invitation: Invitation, *, by: Member) -> None:
    require_admin(by, invitation.workspace_id)
    with transaction.atomic():
        lock_workspace(invitation.workspace_id)
        pk = invitation.pk
        if _waiting(invitation).delete()[0]:
            audit("invitation_revoked", by=by, invitation=pk)


def path(token: str) -> str:
    return reverse("crm:invitation", args=[token])


def token_in(path: str | None) -> str:
    """The other way round; "" where it is the path of something else."""
    try:
        match = resolve(path or "")
    except Resolver404:
        return ""
    return str(match.kwargs["token"]) if match.view_name == "crm:invitation" else ""


def send_link(invitation_id: int, *, now: datetime) -> None:
    """Write the mail, with a fresh secret; a second mail replaces the link of the first."""
    with transaction.atomic():
        rows = Invitation.objects.open(now).select_related("workspace", "invited_by__user")
        invitation = rows.select_for_update(of=("self",)).filter(pk=invitation_id).first()
        if invitation is None:
            return
        token = _draw(invitation)
        invitation.save(update_fields=["digest"])
    subject, body = _in_words(invitation, settings.PUBLIC_URL + path(token))
    send_mail(subject, body, None, [invitation.email])


def _in_words(invitation: Invitation, link: str) -> tuple[str, str]:
    subject = f"Join {invitation.workspace.name} in {settings.PRODUCT_NAME}"
    words = {
        "invitation": invitation,
        "inviter": invitation.invited_by,
        "link": link,
        "product_name": settings.PRODUCT_NAME,
    }
    return " ".join(subject.split()), render_to_string("crm/settings/invitation_email.txt", words)


# The other side: somebody opens the link


def find_open(token: str, *, now: datetime) -> Invitation:
    """Raises Gone."""
    rows = Invitation.objects.open(now).select_related("workspace", "invited_by__user")
    invitation = rows.filter(digest=_digest(token)).first()
    if invitation is None:
        raise Gone
    return invitation


def has_account(email: str) -> bool:
    """Does somebody sign in with it? That another account lists it, unverified, means nothing."""
    return (
        User.objects.filter(email=email).exists()
        or EmailAddress.objects.filter(email=email, verified=True).exists()
    )


def joined_with(token: str, *, user: User) -> Member | None:
    """Whom the link has made a member already, and who is one still."""
    used = Invitation.objects.filter(digest=_digest(token)).exclude(accepted_at=None).first()
    if used is None or not is_for(used, user):
        return None
    known = Member.objects.active().filter(user=user, workspace=used.workspace_id)
    return known.select_related("workspace").first()


def is_for(invitation: Invitation, user: User) -> bool:
    return EmailAddress.objects.filter(user=user, email=invitation.email, verified=True).exists()


def accept(token: str, *, user: User, now: datetime) -> Member:
    """Raises Gone or NotForYou. Somebody deactivated cannot let himself in again."""
    with transaction.atomic():
        invitation = _held(token, now=now)
        if not is_for(invitation, user):
            raise NotForYou
        try:
            member = admit(user, invitation.workspace, role=Role(invitation.role))
        except PermissionDenied as error:
            raise Gone from error
        _settle(invitation, member, now=now)
    return member


def sign_up(token: str, *, name: str, password: str | None, now: datetime) -> Member:
    """A new account; the link came by mail, so the address is verified. Without a password there has to
    be another way to sign in. Raises Gone."""
    with transaction.atomic():
        invitation = _held(token, now=now)
        if has_account(invitation.email):
            raise Gone
        # Made here and nowhere else: an account that is there by now fails, and keeps its password.
        User.objects.create_user(invitation.email, password, name=name)
        member = add_member(invitation.workspace, invitation.email, role=Role(invitation.role))
        _settle(invitation, member, now=now)
    return member


def _held(token: str, *, now: datetime) -> Invitation:
    """Whoever opens the link twice at once gets in once."""
    lock_workspace(find_open(token, now=now).workspace_id)
    return find_open(token, now=now)


def _settle(invitation: Invitation, member: Member, *, now: datetime) -> None:
    invitation.accepted_at = now
    invitation.save(update_fields=["accepted_at"])
    audit("invitation_accepted", by=member, invitation=invitation.pk)


def _refuse_member(email: str, workspace_id: int) -> None:
    theirs = Q(user__email=email) | Q(user__emailaddress__email=email, user__emailaddress__verified=True)
    member = Member.objects.select_related("user").filter(theirs, workspace_id=workspace_id).first()
    if member and member.is_active:
        raise NotInvited(f"{email} is a member already.")
    if member:
        raise NotInvited(f"{email} is a deactivated member. Reactivate {member.name} instead.")


def _invitable(email: str, workspace_id: int) -> Invitation:
    """A new one, or the expired one to the same address."""
    found = Invitation.objects.filter(workspace_id=workspace_id, email=email, accepted_at=None).first()
    if found and found.expires_at > timezone.now():
        raise NotInvited(f"{email} is invited already.")
    return found or Invitation(workspace_id=workspace_id, email=email)


def _issue(invitation: Invitation, *, by: Member) -> Outcome:
    token = _draw(invitation)
    invitation.invited_by = by
    invitation.expires_at = timezone.now() + LIFETIME
    invitation.save()
    if not settings.EMAIL_URL:
        return Outcome(invitation.email, invitation=invitation, token=token)
    _send_after_commit(invitation.pk)
    return Outcome(invitation.email, invitation=invitation)


def _send_after_commit(invitation_id: int) -> None:
    from crm.tasks import mail_invitation

    # A queue that does not answer must not look like a failure to invite; the mail can be sent again.
    transaction.on_commit(lambda: mail_invitation.delay(invitation_id), robust=True)


def _draw(invitation: Invitation) -> str:
    token = secrets.token_urlsafe(SECRET_BYTES)
    invitation.digest = _digest(token)
    return token


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _waiting(invitation: Invitation) -> QuerySet[Invitation]:
    return Invitation.objects.filter(pk=invitation.pk, accepted_at=None)
