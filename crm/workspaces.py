"""Workspaces and who is in them."""

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils.text import slugify

from crm.addresses import domain_of, is_freemail, normalise, registrable_domain
from crm.claiming import claim
from crm.models import InternalDomain, Member, Role, User, Workspace
from crm.models.workspace import RESERVED_SLUGS
from crm.signals import member_changed


class NotAnAddress(ValueError):
    """Somebody typed something that is no e-mail address."""


def create_workspace(
    slug: str,
    *,
    name: str,
    admin_email: str,
    password: str | None = None,
    is_operator: bool = False,
) -> Workspace:
    """The workspace and its first admin, whose address counts as verified. Safe to call twice."""
    with transaction.atomic():
        workspace, _ = Workspace.objects.get_or_create(slug=slug, defaults={"name": name})
        member = add_member(workspace, admin_email, role=Role.ADMIN, password=password)
        if is_operator and not member.user.is_staff:
            member.user.is_staff = member.user.is_superuser = True
            member.user.save(update_fields=["is_staff", "is_superuser"])
        _seed_internal_domain(workspace, member.user.email)
    return workspace


def add_member(
    workspace: Workspace,
    email: str,
    *,
    role: Role = Role.MEMBER,
    name: str = "",
    password: str | None = None,
) -> Member:
    """Somebody whose address is known to be theirs. Safe to call twice: a role or password given
    now replaces the one there was."""
    address = normalise(email)
    if address is None:
        raise NotAnAddress(f"“{email}” is not an e-mail address.")
    with transaction.atomic():
        user = _user(address, name=name, password=password)
        member, created = Member.objects.get_or_create(
            workspace=workspace, user=user, defaults={"role": role}
        )
        if not created and member.role != role:
            member.role = role
            member.save(update_fields=["role"])
        set_active(member, active=True)
        EmailAddress.objects.update_or_create(
            user=user, email=address, defaults={"verified": True, "primary": True}
        )
        claim(member, [address])
    return member


def found_workspace(user: User, name: str) -> Workspace:
    """The first workspace of an installation, made by whoever signed up first."""
    with transaction.atomic():
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


def set_active(member: Member, *, active: bool) -> None:
    """Deactivated, somebody keeps his history and loses everything else."""
    with transaction.atomic():
        if Member.objects.filter(pk=member.pk).exclude(is_active=active).update(is_active=active):
            member_changed.send(sender=Member, workspace_id=member.workspace_id, member_id=member.pk)
    member.is_active = active


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


def _seed_internal_domain(workspace: Workspace, email: str) -> None:
    domain = registrable_domain(domain_of(email))
    if not is_freemail(domain):
        InternalDomain.objects.get_or_create(workspace=workspace, domain=domain)
