"""Workspaces and who is in them."""

from allauth.account.models import EmailAddress
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.text import slugify

from crm.addresses import domain_of, is_freemail, normalise, registrable_domain
from crm.auditing import audit
from crm.claiming import claim
from crm.locking import NO_WORKSPACE, lock_workspace
from crm.models import InternalDomain, Member, Role, TeamMembership, User, Workspace
from crm.models.workspace import RESERVED_SLUGS
from crm.signals import member_changed


class NotAnAddress(ValueError):
    """Somebody typed something that is no e-mail address."""


class AlreadyFounded(Exception):
    """There is a workspace; another takes an invitation."""


class LastAdmin(ValueError):
    """A workspace without an admin could not be helped by anybody in it."""

    def __init__(self, member: Member) -> None:
        super().__init__(
            f"{member.name} is the last active admin of {member.workspace.name}. "
            "Make somebody else an admin first."
        )


def create_workspace(
    slug: str,
    *,
    name: str,
    admin_email: str,
    password: str | None = None,
    is_operator: bool = False,
) -> Workspace:
    """The workspace and its first admin, whose address counts as verified. Safe to call twice: only of a new
    one the admin's domain is made internal, for since then its admins may have decided."""
    with transaction.atomic():
        workspace, created = Workspace.objects.get_or_create(slug=slug, defaults={"name": name})
        member = add_member(workspace, admin_email, role=Role.ADMIN, password=password)
        if is_operator and not member.user.is_staff:
            member.user.is_staff = True
            member.user.save(update_fields=["is_staff"])
        if created:
            _seed_internal_domain(workspace, member.user.email)
        elif workspace.name != name:
            workspace.name = name
            workspace.save(update_fields=["name"])
    return workspace


def add_member(
    workspace: Workspace,
    email: str,
    *,
    role: Role | None = None,
    name: str = "",
    password: str | None = None,
) -> Member:
    """Somebody whose address is known to be theirs. Safe to call twice: a role or password given
    now replaces the one there was. Raises NotAnAddress, and LastAdmin."""
    address = normalise(email)
    if address is None:
        raise NotAnAddress(f"“{email}” is not an email address.")
    with transaction.atomic():
        user = _user(address, name=name, password=password)
        member, _ = Member.objects.get_or_create(
            workspace=workspace, user=user, defaults={"role": role or Role.MEMBER}
        )
        if role:
            set_role(member, role)
        set_active(member, active=True)
        give_address(user, address)
    return member


def give_address(user: User, email: str) -> None:
    """One that is known to be his: he signs in with it, and it is his in all his workspaces."""
    with transaction.atomic():
        own = EmailAddress.objects.filter(user=user)
        own.filter(primary=True).exclude(email=email).update(primary=False)
        own.update_or_create(email=email, defaults={"user": user, "verified": True, "primary": True})
        for member in Member.objects.active().filter(user=user):
            claim(member, [email])


def found_workspace(user: User, name: str) -> Workspace:
    """The first workspace of an installation, made by whoever signed up first. Raises AlreadyFounded."""
    with transaction.atomic():
        lock_workspace(NO_WORKSPACE)
        if Workspace.objects.exists():
            raise AlreadyFounded
        workspace = Workspace.objects.create(slug=free_slug(name), name=name)
        member = Member.objects.create(workspace=workspace, user=user, role=Role.ADMIN)
        claim_verified(member)
        _seed_internal_domain(workspace, user.email)
    return workspace


def claim_verified(member: Member) -> None:
    """An unverified sign-in claims no address."""
    verified = EmailAddress.objects.filter(user_id=member.user_id, verified=True)
    addresses = (normalise(email) for email in verified.values_list("email", flat=True))
    claim(member, [address for address in addresses if address])


def admit(user: User, workspace: Workspace, *, role: Role) -> Member:
    """A user whose addresses were verified before; who is in already keeps his role. Somebody
    deactivated does not come back this way."""
    with transaction.atomic():
        lock_workspace(workspace.pk)
        member, _ = Member.objects.get_or_create(workspace=workspace, user=user, defaults={"role": role})
        if not member.is_active:
            raise PermissionDenied
        claim_verified(member)
    return member


def rename(workspace: Workspace, name: str, *, by: Member) -> None:
    """Addresses of its pages stay."""
    require_admin(by, workspace.pk)
    with transaction.atomic():
        workspace.name = name
        workspace.save(update_fields=["name"])
        audit("workspace_renamed", by=by)


def change_role(member: Member, role: Role, *, by: Member) -> None:
    require_admin(by, member.workspace_id)
    with transaction.atomic():
        if set_role(member, role):
            audit(f"member_made_{role.value}", by=by, member=member.pk)


def set_role(member: Member, role: Role) -> bool:
    """Returns whether it was another. Raises LastAdmin."""
    with transaction.atomic():
        _hold(member)
        if member.role == role:
            return False
        if role != Role.ADMIN:
            _refuse_last_admin(member)
        member.role = role
        member.save(update_fields=["role"])
    return True


def deactivate(member: Member, *, by: Member) -> None:
    require_admin(by, member.workspace_id)
    with transaction.atomic():
        _hold(member)
        if not member.is_active:
            return
        _refuse_last_admin(member)
        set_active(member, active=False)
        audit("member_deactivated", by=by, member=member.pk)


def reactivate(member: Member, *, by: Member) -> None:
    require_admin(by, member.workspace_id)
    with transaction.atomic():
        _hold(member)
        if member.is_active:
            return
        set_active(member, active=True)
        audit("member_reactivated", by=by, member=member.pk)


def set_active(member: Member, *, active: bool) -> None:
    """Deactivated, somebody keeps his history and loses everything else, his teams too: what they
    are shown does not come back with him."""
    with transaction.atomic():
        lock_workspace(member.workspace_id)
        if Member.objects.filter(pk=member.pk).exclude(is_active=active).update(is_active=active):
            if not active:
                TeamMembership.objects.filter(member=member).delete()
            member_changed.send(sender=Member, workspace_id=member.workspace_id, member_id=member.pk)
    member.is_active = active


def is_last_admin(member: Member) -> bool:
    admins = Member.objects.active().filter(workspace_id=member.workspace_id, role=Role.ADMIN)
    return member.is_admin and not admins.exclude(pk=member.pk).exists()


def require_admin(by: Member, workspace_id: int) -> None:
    if not (by.is_admin and by.workspace_id == workspace_id):
        raise PermissionDenied


def free_slug(name: str) -> str:
    """A workspace's place in our URLs, made from its name."""
    base = slugify(name)[:40] or "workspace"
    taken = set(Workspace.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    candidates = (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3)))
    return next(slug for slug in candidates if slug not in taken | RESERVED_SLUGS)


def _user(email: str, *, name: str, password: str | None) -> User:
    user = User.objects.filter(email=email).first() or User.objects.create_user(email, name=name)
    if password:
        user.set_password(password)
    if name and not user.name:
        user.name = name
    user.save()
    return user


def _hold(member: Member) -> None:
    """One change of who is in at a time, from what is true now."""
    lock_workspace(member.workspace_id)
    member.refresh_from_db(fields=["role", "is_active"])


def _refuse_last_admin(member: Member) -> None:
    if is_last_admin(member):
        raise LastAdmin(member)


def _seed_internal_domain(workspace: Workspace, email: str) -> None:
    domain = registrable_domain(domain_of(email))
    if not is_freemail(domain):
        InternalDomain.objects.get_or_create(workspace=workspace, domain=domain)
