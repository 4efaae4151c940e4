"""Hidden at once, taken away, fetched back; and what can be an entry."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied

from crm.models import Company, Member
from crm.statements import fetch
from intelligence.models import CompanyInsight, Interaction
from intelligence.verifying import differences
from mailboxes.blocking import block, preview, purge_blocked, unblock
from mailboxes.blocklists import read_entries
from mailboxes.models import (
    BlocklistEntry,
    CalendarEvent,
    EmailMessage,
    Mailbox,
    MailboxKind,
    PendingItem,
    SkippedItem,
    StreamKind,
)
from mailboxes.running import run_now
from mailboxes.visibility import readings
from tests.conftest import SignIn
from tests.desk import NOW, Desk, mail, meeting
from tests.mailboxes.letters import archive, letter, stream_of, write_mbox

pytestmark = pytest.mark.django_db

ADA, BOB, EVE = "ada@halyard.example", "bob@acme.example", "eve@mail.birch.example"


def blocked(desk: Desk, *values: str) -> Mailbox:
    mailbox = desk.mailboxes["ada"]
    block(mailbox, values, by=desk.members["ada"])
    return mailbox


@pytest.mark.parametrize(
    ("text", "value", "problem"),
    [
        (" Acme.Example ", "acme.example", ""),
        ("https://www.schoolnet.example/parents?x=1", "schoolnet.example", ""),
        ("www.mail.birch.example", "mail.birch.example", ""),
        ("<Bob@ACME.example>", "bob@acme.example", ""),
        ("mailto:bob@acme.example", "bob@acme.example", ""),
        ("@acme.example", "acme.example", ""),
        ("*.acme.example", "acme.example", ""),
        ("bücher.example", "xn--bcher-kva.example", ""),
        ("halyard.example", "", "internal, never shown"),
        ("desk@mail.halyard.example", "", "internal, never shown"),
        ("ada@gmail.com", "", "a colleague’s address"),
        ("ada+shop@gmail.com", "", "a colleague’s address"),
        ("co.uk", "", "not one organisation’s domain"),
        ("gmail.com", "gmail.com", ""),
        ("known.example", "", "blocked already"),
        ("notadomain", "", "not an address or a domain"),
        ("a b@c", "", "not an address or a domain"),
    ],
)
def test_entries_are_read_as_people_paste_them(desk: Desk, text: str, value: str, problem: str) -> None:
    from crm.claiming import claim

    claim(desk.members["ada"], ["ada@gmail.com"])
    mailbox = blocked(desk, "known.example")

    first = read_entries(mailbox, text)[0]

    assert (first.value, first.problem) == (value, problem)


def test_pasted_lists_come_apart_and_come_once(desk: Desk) -> None:
    found = read_entries(desk.mailboxes["ada"], "a.example, b.example;\nA.example\t c@d.example\n\n")

    assert [one.value for one in found] == ["a.example", "b.example", "c@d.example"]


@pytest.mark.parametrize(
    ("entry", "hidden"),
    [
        ("birch.example", {"Eve", "Cc Eve"}),
        ("mail.birch.example", {"Eve", "Cc Eve"}),
        ("eve@mail.birch.example", {"Eve", "Cc Eve"}),
        ("irch.example", set()),
        ("acme.example", {"Bob", "Cc Eve"}),
        ("bob@acme.example", {"Bob", "Cc Eve"}),
    ],
)
def test_any_participant_hides_an_email_before_and_after_it_comes(
    desk: Desk, entry: str, hidden: set[str]
) -> None:
    letters = [
        mail("1@x", BOB, ADA, subject="Bob"),
        mail("2@x", EVE, ADA, subject="Eve"),
        mail("3@x", BOB, ADA, cc=[EVE], subject="Cc Eve"),
        mail("4@x", "zoe@corda.example", ADA, subject="Zoe"),
    ]
    desk.put("ada", *letters)

    blocked(desk, entry)

    ids = dict(EmailMessage.objects.values_list("pk", "copies__subject"))
    visible = {ids[pk] for pk in readings(desk.members["ada"], list(ids))}
    assert {"Bob", "Eve", "Cc Eve", "Zoe"} - visible == hidden


def test_purged_nothing_is_left_but_ids_and_values_follow(desk: Desk) -> None:
    desk.put("ada", mail("1@x", ADA, BOB, at=NOW - timedelta(days=9), subject="Kept"))
    desk.put("ada", mail("2@x", BOB, ADA, cc=[EVE], subject="CANARY", at=NOW - timedelta(days=1)))
    desk.put("ben", mail("3@x", EVE, "ben@halyard.example", subject="Ben's own"))
    desk.schedule("ada", meeting("m", ADA, {ADA: "accepted", EVE: "accepted"}, at=NOW - timedelta(days=2)))
    acme = Company.objects.get(domains__domain="acme.example")
    mailbox = blocked(desk, "birch.example")

    purge_blocked(mailbox, now=NOW)
    purge_blocked(mailbox, now=NOW)

    assert fetch("SELECT count(*) FROM mailboxes_messagecopy c WHERE c::text LIKE '%%CANARY%%'") == [(0,)]
    assert set(EmailMessage.objects.values_list("copies__subject", flat=True)) == {"Kept", "Ben's own"}
    assert not CalendarEvent.objects.exists()
    assert CompanyInsight.objects.get(company=acme).last_email_at == NOW - timedelta(days=9)
    assert Interaction.objects.count() == 2
    kept = SkippedItem.objects.order_by("provider_id").values_list("provider_id", "reason", "entry__value")
    assert list(kept) == [("2@x", "blocked", "birch.example"), ("m", "blocked", "birch.example")]
    assert list(differences(desk.workspace.pk, now=NOW)) == []


def test_one_occurrence_leaves_and_the_series_text_with_it(desk: Desk) -> None:
    plain = meeting("m", ADA, {ADA: "accepted", BOB: "accepted"}, at=NOW, recurrence_id=NOW)
    later = NOW + timedelta(days=7)
    with_eve = meeting(
        "m", ADA, {ADA: "accepted", BOB: "accepted", EVE: "accepted"}, at=later, recurrence_id=later
    )
    desk.schedule("ada", plain, with_eve)
    mailbox = blocked(desk, EVE)

    purge_blocked(mailbox, now=NOW)

    assert list(CalendarEvent.objects.values_list("starts_at", flat=True)) == [NOW]
    assert [bytes(raw) for raw in mailbox.sources.values_list("raw", flat=True)] == [b""]
    assert SkippedItem.objects.get().entry is not None


def test_the_preview_counts_what_blocking_would_hide(desk: Desk) -> None:
    desk.put("ada", mail("1@x", ADA, [BOB, EVE]), mail("2@x", BOB, ADA), mail("3@x", EVE, ADA))
    desk.schedule("ada", meeting("m", ADA, {ADA: "accepted", BOB: "accepted"}, at=NOW))

    effect = preview(desk.mailboxes["ada"], ["acme.example", EVE], by=desk.members["ada"])

    assert effect.by_value == {"acme.example": (2, 1), EVE: (1, 0)}
    assert (effect.emails, effect.events, effect.companies, effect.people) == (3, 1, 2, 2)
    assert not BlocklistEntry.objects.exists()


def test_a_series_is_one_event_before_and_after_it_is_taken_away(desk: Desk, signed_in: SignIn) -> None:
    days = [NOW + timedelta(days=7 * week) for week in range(3)]
    guests = {ADA: "accepted", BOB: "accepted"}
    desk.schedule("ada", *(meeting("m", ADA, guests, at=day, recurrence_id=day) for day in days))
    desk.schedule("ada", meeting("n", ADA, guests, at=NOW))
    browser, mailbox = signed_in.as_(desk.members["ada"]), desk.mailboxes["ada"]

    def said() -> str:
        page = browser.get(f"/halyard/settings/account/email-calendar/?mailbox={mailbox.pk}")
        return " ".join(page.content.decode().split())

    effect = preview(mailbox, [BOB], by=desk.members["ada"])
    blocked(desk, BOB)
    hidden = said()
    purge_blocked(mailbox, now=NOW)

    assert effect.by_value == {BOB: (0, 2)}
    assert "1 entry hides 0 emails and 2 events" in hidden
    assert "1 entry hides 0 emails and 2 events" in said()


def test_only_the_owner_blocks_and_unblocks(desk: Desk, dan: Member) -> None:
    mailbox = blocked(desk, BOB)
    entry = BlocklistEntry.objects.get()

    for stranger in (desk.members["ben"], dan):
        with pytest.raises(PermissionDenied):
            block(mailbox, [EVE], by=stranger)
        with pytest.raises(PermissionDenied):
            preview(mailbox, [EVE], by=stranger)
        with pytest.raises(PermissionDenied):
            unblock(entry, by=stranger)

    assert list(BlocklistEntry.objects.values_list("value", flat=True)) == [BOB]


def test_unblocked_before_it_is_purged_it_is_there_again(desk: Desk) -> None:
    desk.put("ada", mail("1@x", BOB, ADA, cc=[EVE]))
    mailbox = blocked(desk, BOB, EVE)
    message = EmailMessage.objects.get()
    entries = {one.value: one for one in BlocklistEntry.objects.all()}

    unblock(entries[BOB], by=desk.members["ada"])
    assert readings(desk.members["ada"], [message.pk]) == {}
    unblock(entries[EVE], by=desk.members["ada"])

    assert message.pk in readings(desk.members["ada"], [message.pk])
    purge_blocked(mailbox, now=NOW)
    assert EmailMessage.objects.filter(pk=message.pk).exists()


def test_unblocked_it_is_fetched_again(desk: Desk) -> None:
    desk.put("ada", mail("1@x", BOB, ADA))
    mailbox = blocked(desk, BOB)
    Mailbox.objects.filter(pk=mailbox.pk).update(kind=MailboxKind.IMAP, settings={"imap": {}})
    purge_blocked(mailbox, now=NOW)

    unblock(BlocklistEntry.objects.select_related("mailbox").get(), by=desk.members["ada"])

    pending = PendingItem.objects.get()
    assert (pending.provider_id, pending.stream.kind) == ("1@x", StreamKind.MAIL)
    assert pending.stream.due_at is not None
    assert not SkippedItem.objects.exists()


def test_an_archive_keeps_out_and_takes_in_again(desk: Desk, tmp_path: Path) -> None:
    ada = desk.members["ada"]
    path = write_mbox(tmp_path / "a.mbox", letter(1), letter(2))
    mailbox = archive(ada, mbox=path)
    run_now(stream_of(mailbox, StreamKind.MAIL))
    before = set(EmailMessage.objects.values_list("identity", "occurred_at", "thread__key"))
    sender = fetch("SELECT a.email FROM mailboxes_participant p JOIN crm_address a ON a.id = p.address_id"
                   " WHERE a.member_id IS NULL LIMIT 1")[0][0]  # fmt: skip
    block(mailbox, [sender], by=ada)
    purge_blocked(mailbox, now=NOW)
    again = archive(ada, mbox=path)
    run_now(stream_of(again, StreamKind.MAIL))
    assert EmailMessage.objects.count() < 2

    unblock(BlocklistEntry.objects.select_related("mailbox").get(), by=ada)
    # The same file, uploaded again.
    moved = path.rename(tmp_path / "b.mbox")
    run_now(stream_of(archive(ada, mbox=moved), StreamKind.MAIL))

    assert set(EmailMessage.objects.values_list("identity", "occurred_at", "thread__key")) == before
    assert list(differences(desk.workspace.pk, now=NOW)) == []


def test_what_is_too_much_at_once_waits_in_the_box(desk: Desk, ada: Member, signed_in: SignIn) -> None:
    mailbox = desk.mailboxes["ada"]
    url = f"/halyard/mailboxes/{mailbox.pk}/blocklist/"
    pasted = "\n".join(f"d{n}.example" for n in range(503))
    browser = signed_in.as_(ada)

    preview = browser.post(f"{url}preview/", {"entries": pasted}).content.decode()
    answer = browser.post(url, {"entries": pasted}, headers={"HX-Request": "true"}).content.decode()

    assert "3 more wait in the box" in preview
    assert "500 added. 3 more are still in the box: block them next." in answer
    assert "d500.example\nd501.example\nd502.example\n</textarea>" in answer
    assert BlocklistEntry.objects.filter(mailbox=mailbox).count() == 500
