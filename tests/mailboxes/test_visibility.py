"""The rule in Python and its twin in SQL, on random states; and the reading of threads."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.models import AccessLevel, Company, Member, Team, TeamMembership
from crm.workspaces import set_active
from mailboxes.blocking import block
from mailboxes.levels import Copy, Given, Viewer, level
from mailboxes.models import AccessGrant, EmailMessage, Mailbox, MessageCopy, Thread
from mailboxes.removing import begin_removal
from mailboxes.sharing.granting import (
    EVERYBODY,
    Grantee,
    mailbox_target,
    record_target,
    set_access,
    thread_target,
)
from mailboxes.visibility import readings
from tests.desk import Desk, mail

pytestmark = pytest.mark.django_db

METADATA, SUBJECT, FULL = AccessLevel.METADATA, AccessLevel.SUBJECT, AccessLevel.FULL
BOB = "bob@acme.example"

granted = st.sampled_from([None, SUBJECT, FULL])
to_whom = st.dictionaries(st.sampled_from(["ben", "cleo", "team", "everybody"]), granted, max_size=3)


@pytest.fixture
def team(desk: Desk) -> Team:
    team = Team.objects.create(workspace=desk.workspace, name="Sales")
    TeamMembership.objects.create(workspace=desk.workspace, team=team, member=desk.members["cleo"])
    return team


@given(
    defaults=st.tuples(st.sampled_from(list(AccessLevel)), st.sampled_from(list(AccessLevel))),
    boxes=st.sampled_from([("ada",), ("ben",), ("ada", "ben")]),
    on_mailbox=to_whom,
    on_record=to_whom,
    on_thread=to_whom,
    fate=st.sampled_from(["", "", "", "blocked", "removing", "owner gone", "moved later", "moved along"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_python_and_sql_agree(
    desk: Desk,
    team: Team,
    defaults: tuple[AccessLevel, AccessLevel],
    boxes: tuple[str, ...],
    on_mailbox: dict[str, AccessLevel | None],
    on_record: dict[str, AccessLevel | None],
    on_thread: dict[str, AccessLevel | None],
    fate: str,
) -> None:
    ada = desk.members["ada"]
    forget(desk)
    for name in boxes:
        desk.put(name, mail("1@x", "ada@halyard.example", [BOB, "ben@halyard.example"]))
    message = EmailMessage.objects.get()
    company = Company.objects.get(domains__domain="acme.example")
    for name, default in zip(("ada", "ben"), defaults, strict=True):
        desk.mailboxes[name].set_default_level(default, by=desk.members[name])
    box = Mailbox.objects.get(pk=desk.mailboxes["ada"].pk)
    for target, access in (
        (mailbox_target(box), on_mailbox),
        (record_target(company), on_record),
        (thread_target(message.thread), on_thread),
    ):
        set_access(target, grantees(desk, team, access, is_mailbox=target.name == "mailbox"), by=ada)
    apply(fate, desk, message)

    for viewer in desk.members.values():
        viewer.refresh_from_db()
        found = readings(viewer, [message.pk]).get(message.pk)
        wanted = highest(viewer, message)

        assert (found and found.level) == wanted


def forget(desk: Desk) -> None:
    """The rows of the example before."""
    AccessGrant.objects.all().delete()
    for name in ("ada", "ben"):
        desk.trash(name, "1@x")
        mailbox = desk.mailboxes[name]
        mailbox.blocklist.all().delete()
        Mailbox.objects.filter(pk=mailbox.pk).update(state="active")
    set_active(desk.members["ada"], active=True)


def grantees(
    desk: Desk, team: Team, access: dict[str, AccessLevel | None], *, is_mailbox: bool
) -> dict[Grantee, AccessLevel]:
    known = {
        "ben": Grantee(member_id=desk.members["ben"].pk),
        "cleo": Grantee(member_id=desk.members["cleo"].pk),
        "team": Grantee(team_id=team.pk),
        "everybody": EVERYBODY,
    }
    return {
        known[name]: grade
        for name, grade in access.items()
        if grade and not (is_mailbox and name == "everybody")
    }


def apply(fate: str, desk: Desk, message: EmailMessage) -> None:
    ada = desk.members["ada"]
    if fate == "blocked":
        block(desk.mailboxes["ada"], [BOB], by=ada)
    elif fate == "removing":
        begin_removal(Mailbox.objects.get(pk=desk.mailboxes["ada"].pk))
    elif fate == "owner gone":
        Member.objects.filter(pk=ada.pk).update(is_active=False)
    elif fate.startswith("moved"):
        later = timezone.now() + timedelta(days=1)
        EmailMessage.objects.filter(pk=message.pk).update(moved_at=later)
        if fate == "moved along":
            # Every other grant came with it, the rest with another message.
            for number, grant in enumerate(AccessGrant.objects.filter(thread=message.thread).order_by("pk")):
                grant.of_messages = [message.pk + number % 2, 0]
                grant.save()


def highest(viewer: Member, message: EmailMessage) -> AccessLevel | None:
    """By the rule in Python, over every copy there is."""
    message.refresh_from_db()
    teams = frozenset(TeamMembership.objects.filter(member=viewer).values_list("team_id", flat=True))
    found = [
        level(Viewer(viewer.pk, teams, viewer.is_active), as_told(copy, message))
        for copy in MessageCopy.objects.filter(message=message).select_related("mailbox__member")
    ]
    return max((one for one in found if one is not None), default=None)


def as_told(copy: MessageCopy, message: EmailMessage) -> Copy:
    grants = AccessGrant.objects.filter(owner=copy.mailbox.member)
    return Copy(
        owner_id=copy.mailbox.member_id,
        default_level=AccessLevel(copy.mailbox.default_level),
        is_owner_active=copy.mailbox.member.is_active,
        is_gone=copy.blocked_by_id is not None or copy.mailbox.state == "removing",
        message_id=message.pk,
        moved_at=message.moved_at,
        grants=[
            Given(
                AccessLevel(grant.level),
                grant.member_id,
                grant.team_id,
                thread_since=grant.created_at if grant.thread_id else None,
                of_messages=None if grant.of_messages is None else frozenset(grant.of_messages),
            )
            for grant in grants
            if grant.mailbox_id in (None, copy.mailbox_id)
        ],
    )


def test_content_comes_from_the_copy_that_shows_it(desk: Desk) -> None:
    for name in ("ada", "ben"):
        desk.put(name, mail("1@x", BOB, ["ada@halyard.example", "ben@halyard.example"]))
    desk.mailboxes["ben"].set_default_level(FULL, by=desk.members["ben"])
    message, thread = EmailMessage.objects.get(), Thread.objects.get()
    of = {copy.mailbox_id: copy.pk for copy in MessageCopy.objects.all()}

    shown = {name: readings(member, [message.pk])[message.pk] for name, member in desk.members.items()}

    assert thread.pk == message.thread_id
    assert (shown["ada"].copy_id, shown["ada"].is_own) == (of[desk.mailboxes["ada"].pk], True)
    assert (shown["cleo"].copy_id, shown["cleo"].is_own) == (of[desk.mailboxes["ben"].pk], False)


def test_another_workspaces_message_does_not_exist(desk: Desk, dan: Member) -> None:
    desk.put("ada", mail("1@x", BOB, "ada@halyard.example"))

    assert readings(dan, list(EmailMessage.objects.values_list("pk", flat=True))) == {}
