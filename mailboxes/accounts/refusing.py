"""What speaks against connecting an account, or changing one, said before anything is tried."""

from collections.abc import Sequence

from allauth.account.models import EmailAddress
from django.core.exceptions import PermissionDenied

from crm.addresses import normalise, without_tag
from crm.models import Address, Member
from crm.plans import ALLOWANCES, Plan, allowance
from crm.statements import fetch
from mailboxes.accounts.trying import CannotConnect, Servers, known_servers
from mailboxes.models import Mailbox, MailboxKind, MailboxState


class OverPlan(CannotConnect):
    """The workspace's plan allows no further mailbox."""


class AddressTaken(CannotConnect):
    """The address is another member's."""


class AnotherAccount(CannotConnect):
    """Reconnecting has to be the same account."""


def refuse_other_user(mailbox: Mailbox, servers: Servers, *, is_same_account: bool) -> None:
    """Raises AnotherAccount where the mail would be read as somebody else, unless the owner says
    that it is the same account under another name."""
    known = known_servers(mailbox).get("imap")
    if not known or not servers.imap or is_same_account:
        return
    if known["username"] != servers.imap["username"]:
        raise AnotherAccount(
            f"So far this account was read as {known['username']}. Another account is connected by itself; "
            "confirm below if this is the same one under a new user name."
        )


def refuse(member: Member, *, kind: MailboxKind, addresses: Sequence[str]) -> None:
    """Raises CannotConnect for what can be refused before anything is tried. The first of these
    normalised addresses is the account's own."""
    if not member.is_active:
        raise PermissionDenied
    same = Mailbox.objects.owned_by(member).filter(kind=kind, address=addresses[0]).first()
    if same and same.state == MailboxState.REMOVING:
        raise CannotConnect(f"{same.address} is still being removed. Try again in a few minutes.")
    if same is None:
        refuse_over_plan(member)
    _refuse_taken(member, addresses)


def refuse_over_plan(member: Member) -> None:
    """Raises OverPlan where no further mailbox may be connected. Those being removed do not count."""
    limit = allowance(member.workspace.plan).mailboxes_per_member
    connected = Mailbox.objects.owned_by(member).connected().order_by("pk")
    addresses = [mailbox.address for mailbox in connected]
    if limit is None or len(addresses) < limit:
        return
    more = [plan.label for plan in Plan if _allows_more(plan, limit)]
    raise OverPlan(
        f"On the {Plan(member.workspace.plan).label} plan a member connects "
        f"{'one account' if limit == 1 else f'{limit} accounts'}, and yours is {', '.join(addresses)}. "
        f"{' and '.join(more)} allow more. Whoever runs this installation can change the plan."
    )


def _allows_more(plan: Plan, limit: int) -> bool:
    offered = ALLOWANCES[plan].mailboxes_per_member
    return offered is None or offered > limit


def _refuse_taken(member: Member, addresses: Sequence[str]) -> None:
    spellings = {*addresses, *map(without_tag, addresses)}
    claimed = Address.objects.filter(workspace_id=member.workspace_id, email__in=spellings)
    taken = claimed.exclude(member=member).select_related("member__user").filter(member__isnull=False).first()
    if taken and taken.member:
        raise AddressTaken(f"{taken.email} is the address of {taken.member.name} here.")


_KNOWN_TO_OTHERS = """
    SELECT a.email FROM crm_address a
    WHERE a.workspace_id = %(workspace)s AND a.email = ANY(%(emails)s)
      AND a.member_id IS NULL AND NOT a.is_internal
      AND (a.person_id IS NOT NULL
           OR EXISTS (SELECT FROM mailboxes_participant p
                      JOIN mailboxes_messagecopy c ON c.message_id = p.message_id
                      JOIN mailboxes_mailbox b ON b.id = c.mailbox_id AND b.member_id <> %(member)s
                      WHERE p.address_id = a.id)
           OR EXISTS (SELECT FROM mailboxes_eventcopy e
                      JOIN mailboxes_mailbox b ON b.id = e.mailbox_id AND b.member_id <> %(member)s
                      WHERE e.workspace_id = a.workspace_id
                        AND e.attendees @> jsonb_build_array(jsonb_build_object('address', a.id))))
    ORDER BY a.email
"""


def unknown_to_others(member: Member, addresses: Sequence[str]) -> list[str]:
    """Those that nobody would lose a contact by."""
    known = {row[0] for row in _known(member, addresses)}
    return [email for email in addresses if email not in known]


def refuse_known(member: Member, addresses: Sequence[str]) -> None:
    """An address that a member claims turns everybody's mail with it into mail among colleagues, and
    that is deleted: so nobody claims a contact's by typing it. Raises AddressTaken."""
    if known := _known(member, addresses):
        raise AddressTaken(
            f"{known[0][0]} is known here as somebody outside. If it is yours, confirm it under "
            "“Email addresses” in the account menu first, or ask whoever runs this installation."
        )


def _known(member: Member, addresses: Sequence[str]) -> list[tuple]:
    confirmed = EmailAddress.objects.filter(user_id=member.user_id, verified=True)
    own = {normalise(email) for email in confirmed.values_list("email", flat=True)}
    typed = [email for email in addresses if email not in own]
    return fetch(_KNOWN_TO_OTHERS, workspace=member.workspace_id, member=member.pk, emails=typed)


def normalised(email: str) -> str:
    address = normalise(email)
    if address is None:
        raise CannotConnect(f"“{email}” is not an email address.")
    return address
