"""Who sees what in the demo: teams, levels, shares, requests in every state, a blocklist."""

from collections.abc import Iterator
from datetime import datetime

from crm.models import AccessLevel, Company, Member, Team, TeamMembership
from crm.records import COMPANY
from mailboxes.blocking import block, purge_blocked
from mailboxes.correspondence.threads import Show, read_correspondence
from mailboxes.models import AccessRequest, Mailbox, Thread
from mailboxes.sharing.granting import Grantee, mailbox_target, record_target, set_access
from mailboxes.sharing.requesting import ask, owners_of

SUBJECT, FULL = AccessLevel.SUBJECT, AccessLevel.FULL
TEAMS = {"Success": ("maya", "noor"), "Sales": ("tomas", "jonas", "callum")}
NOTES = {
    "maya": "I am covering the refit while you are away and need the dates.",
    "jonas": "They mentioned the price list to me on the phone.",
}
# A newsletter that Ines gets and nobody needs to know of.
BLOCKED = "tollgate-media.example"


def share(joined: dict[str, Member], now: datetime) -> None:
    """`joined` is by e-mail. Does nothing where somebody has shared or asked already."""
    by_name = {email.partition("@")[0]: member for email, member in joined.items()}
    ines = by_name["ines"]
    if Team.objects.filter(workspace_id=ines.workspace_id).exists():
        return
    _levels(by_name, _teams(by_name))
    _requests_by_ines(ines, by_name, now)
    _requests_to_ines(ines, by_name, now)
    mailbox = _mailbox(ines)
    block(mailbox, [BLOCKED], by=ines)
    purge_blocked(mailbox, now=now)


def _teams(by_name: dict[str, Member]) -> dict[str, Team]:
    teams = {}
    for name, members in TEAMS.items():
        team = Team.objects.create(workspace_id=by_name["ines"].workspace_id, name=name)
        teams[name] = team
        TeamMembership.objects.bulk_create(
            TeamMembership(workspace_id=team.workspace_id, team=team, member=by_name[one]) for one in members
        )
    return teams


def _levels(by_name: dict[str, Member], teams: dict[str, Team]) -> None:
    ines, tomas, wen = by_name["ines"], by_name["tomas"], by_name["wen"]
    _mailbox(tomas).set_default_level(SUBJECT, by=tomas)
    _mailbox(wen).set_default_level(FULL, by=wen)
    success, priya = Grantee(team_id=teams["Success"].pk), Grantee(member_id=by_name["priya"].pk)
    set_access(mailbox_target(_mailbox(ines)), {success: SUBJECT, priya: FULL}, by=ines)
    for company in Company.objects.filter(workspace_id=ines.workspace_id).order_by("-people_count", "pk")[:3]:
        set_access(
            record_target(company),
            {Grantee(member_id=by_name["maya"].pk): FULL, Grantee(team_id=teams["Sales"].pk): SUBJECT},
            by=ines,
        )


def _mailbox(member: Member) -> Mailbox:
    return Mailbox.objects.owned_by(member).order_by("pk")[0]


def _requests_by_ines(ines: Member, by_name: dict[str, Member], now: datetime) -> None:
    """One that waits, one that was granted and one that was not, for each of a few owners."""
    for owner, outcome in (("priya", ""), ("noor", "approve"), ("jonas", "decline")):
        asked = _ask(ines, by_name[owner], "Could I read this before the review?", now)
        if asked and outcome == "approve":
            asked.approve(by=by_name[owner], level=FULL)
        elif asked and outcome == "decline":
            asked.decline(by=by_name[owner])


def _requests_to_ines(ines: Member, by_name: dict[str, Member], now: datetime) -> None:
    for asker, note in NOTES.items():
        _ask(by_name[asker], ines, note, now)


def _ask(asker: Member, owner: Member, note: str, now: datetime) -> AccessRequest | None:
    """For the newest thread that the owner alone can open."""
    for thread, company in _locked(asker, now):
        if [one.pk for one in owners_of([thread.pk], besides=asker)] == [owner.pk]:
            return ask(thread, by=asker, level=FULL, note=note, record=company)
    return None


def _locked(viewer: Member, now: datetime) -> Iterator[tuple[Thread, Company]]:
    busiest = Company.objects.filter(workspace_id=viewer.workspace_id).order_by("-people_count", "pk")
    for company in busiest[:20]:
        found = read_correspondence(viewer, COMPANY, company.pk, now=now, show=Show.LOCKED)
        for row in found.threads:
            if row.may_ask:
                yield Thread.objects.get(pk=row.pk), company
