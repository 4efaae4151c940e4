"""What admins decide for everybody, and what it does to mail that is stored already."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from crm.models import AccessLevel, Address, Company, InternalDomain, Member, Person, Workspace
from crm.statements import execute
from intelligence.verifying import differences
from mailboxes.models import (
    EmailMessage,
    FollowUp,
    FollowUpKind,
    Mailbox,
    MailboxKind,
    MailboxState,
    PendingItem,
    SkippedItem,
    SkipReason,
)
from mailboxes.policy import (
    Creation,
    NotInternal,
    add_internal_domain,
    create_missing,
    follow_up,
    follow_up_lost,
    preview_creation,
    preview_domain,
    proposed_domains,
    remove_internal_domain,
    set_creation,
    set_default_level,
)
from tests.desk import NOW, Desk, mail

pytestmark = pytest.mark.django_db

ADA, BOB, EVE, GUS = "ada@halyard.example", "bob@acme.example", "eve@birch.example", "gus@gmail.com"
STRICT, LOOSE = Creation(automatic=True, enhanced=True), Creation(automatic=True, enhanced=False)


@pytest.fixture
def stored(desk: Desk) -> None:
    """Ada has written to Acme; Birch, a robot and somebody at a free mail provider have written to her."""
    desk.put("ada", mail("1@x", ADA, BOB), mail("2@x", EVE, ADA), mail("3@x", GUS, ADA))
    desk.put(
        "ada", mail("4@x", "no-reply@corda.example", ADA, cc=[EVE]), mail("5@x", "info@dale.example", ADA)
    )


def follow_ups() -> None:
    """As the sweep does when the queue has lost what it was told."""
    waiting = FollowUp.objects.get().pk
    follow_up_lost(timezone.now())
    assert FollowUp.objects.exists(), "it has only just been asked for"
    follow_up_lost(timezone.now() + timedelta(hours=1))
    assert not FollowUp.objects.exists()
    follow_up(waiting)  # the task was not lost after all


@pytest.mark.usefixtures("stored")
def test_a_follow_up_that_cannot_be_done_stops_no_other(desk: Desk, cleo: Member) -> None:
    set_creation(desk.workspace, LOOSE, by=cleo)
    FollowUp.objects.create(workspace=desk.workspace, kind=FollowUpKind.ORGANISERS)
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("ALTER TABLE crm_person ADD CONSTRAINT nobody_new CHECK (false) NOT VALID")

    follow_up_lost(timezone.now() + timedelta(hours=1))

    assert FollowUp.objects.get().kind == FollowUpKind.CREATION


def names() -> tuple[set[str], set[str]]:
    domains = set(Company.objects.values_list("domains__domain", flat=True))
    return domains, set(Address.objects.filter(person__isnull=False).values_list("email", flat=True))


@pytest.mark.usefixtures("stored")
def test_turned_off_the_rule_makes_what_the_preview_said(desk: Desk, cleo: Member) -> None:
    assert names() == ({"acme.example"}, {BOB})
    companies, people = preview_creation(desk.workspace, LOOSE)
    assert preview_creation(desk.workspace, STRICT) == (0, 0)

    set_creation(desk.workspace, LOOSE, by=cleo)
    follow_ups()

    assert names() == ({"acme.example", "birch.example"}, {BOB, EVE, GUS})
    assert (companies, people) == (1, 2)
    assert list(differences(desk.workspace.pk, now=NOW)) == []
    assert preview_creation(desk.workspace, LOOSE) == (0, 0)


@pytest.mark.usefixtures("stored")
def test_turned_off_again_before_it_is_followed_it_makes_nothing(desk: Desk, cleo: Member) -> None:
    set_creation(desk.workspace, LOOSE, by=cleo)
    under_way = FollowUp.objects.select_related("workspace").get().workspace
    before = names()
    Workspace.objects.update(automatic_creation=False)

    create_missing(under_way)

    assert names() == before


@pytest.mark.usefixtures("stored")
def test_turned_on_again_it_deletes_nothing_and_off_altogether_it_makes_nothing(
    desk: Desk, cleo: Member
) -> None:
    set_creation(desk.workspace, LOOSE, by=cleo)
    follow_ups()
    set_creation(desk.workspace, STRICT, by=cleo)
    assert Person.objects.count() == 3

    set_creation(desk.workspace, Creation(automatic=False, enhanced=False), by=cleo)
    desk.workspace.refresh_from_db()
    desk.put("ada", mail("9@x", ADA, "new@new.example"))

    assert Person.objects.count() == 3


def test_an_added_internal_domain_makes_colleagues_of_everybody_there(desk: Desk, cleo: Member) -> None:
    desk.put(
        "ada", mail("1@x", ADA, [BOB, EVE], subject="Both"), mail("2@x", ADA, EVE, subject="Birch alone")
    )
    assert names()[0] == {"acme.example", "birch.example"}
    loss = preview_domain(desk.workspace, "birch.example")
    assert (loss.emails, loss.events, loss.companies, loss.people, loss.is_archived) == (1, 0, 1, 1, True)

    add_internal_domain(desk.workspace, "https://www.birch.example/", by=cleo)
    follow_ups()

    assert set(EmailMessage.objects.values_list("copies__subject", flat=True)) == {"Both"}
    assert Address.objects.get(email=EVE).is_internal
    assert names()[1] == {BOB}
    assert list(SkippedItem.objects.values_list("provider_id", "reason")) == [("2@x", SkipReason.INTERNAL)]
    assert list(differences(desk.workspace.pk, now=NOW)) == []


@pytest.mark.parametrize("state", [MailboxState.ACTIVE, MailboxState.NEEDS_RECONNECT])
def test_a_removed_one_makes_outsiders_of_them_and_fetches_what_was_left_out(
    desk: Desk, cleo: Member, state: MailboxState
) -> None:
    InternalDomain.objects.create(workspace=desk.workspace, domain="birch.example")
    desk.put("ada", mail("1@x", ADA, [BOB, EVE]))
    stream = desk.mailboxes["ada"].streams.get(kind="mail")
    SkippedItem.objects.create(
        workspace=desk.workspace, stream=stream, provider_id="2@x", reason=SkipReason.INTERNAL
    )
    Mailbox.objects.filter(pk=desk.mailboxes["ada"].pk).update(kind=MailboxKind.IMAP, state=state)

    remove_internal_domain(desk.workspace, "birch.example", by=cleo)
    follow_ups()

    assert names() == ({"acme.example", "birch.example"}, {BOB, EVE})
    assert list(PendingItem.objects.values_list("provider_id", flat=True)) == ["2@x"]
    assert not SkippedItem.objects.exists()
    assert list(differences(desk.workspace.pk, now=NOW)) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("gmail.com", "Anybody can have an address"),
        ("co.uk", "not one organisation"),
        ("", "is not a domain"),
        ("nonsense", "is not a domain"),
    ],
)
def test_what_cannot_be_internal_says_why(desk: Desk, cleo: Member, text: str, problem: str) -> None:
    with pytest.raises(NotInternal, match=problem):
        add_internal_domain(desk.workspace, text, by=cleo)

    assert list(InternalDomain.objects.values_list("domain", flat=True)) == ["halyard.example"]


def test_the_domain_of_a_connected_mailbox_is_proposed_not_added(desk: Desk, cleo: Member) -> None:
    from crm.claiming import claim

    mailbox = desk.mailboxes["ada"]
    mailbox.claim(claim(desk.members["ada"], ["ada@studio.example", "ada@gmail.com"]))

    assert proposed_domains(desk.workspace) == ["studio.example"]
    add_internal_domain(desk.workspace, "studio.example", by=cleo)
    assert proposed_domains(desk.workspace) == []


def test_only_an_admin_of_the_workspace_decides(desk: Desk, dan: Member) -> None:
    for stranger in (desk.members["ada"], dan):
        with pytest.raises(PermissionDenied):
            set_creation(desk.workspace, LOOSE, by=stranger)
        with pytest.raises(PermissionDenied):
            set_default_level(desk.workspace, AccessLevel.FULL, by=stranger)
        with pytest.raises(PermissionDenied):
            add_internal_domain(desk.workspace, "x.example", by=stranger)
        with pytest.raises(PermissionDenied):
            remove_internal_domain(desk.workspace, "halyard.example", by=stranger)

    desk.workspace.refresh_from_db()
    assert (desk.workspace.enhanced_creation, desk.workspace.default_level) == (True, AccessLevel.METADATA)
    assert InternalDomain.objects.count() >= 1
