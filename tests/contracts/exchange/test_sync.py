"""The fake of Exchange: synchronising folders and what is in them."""

import warnings

import pytest
from exchangelib.errors import ErrorInvalidSyncStateData
from exchangelib.items import MeetingRequest

from tests.contracts.exchange.asking import (
    RAW,
    account,
    ask,
    changes,
    codes,
    deliver,
    found,
    get_item,
    raw,
    shape,
    state_of,
    sync,
    texts,
)  # fmt: skip
from tests.fakes.ews_mail import Mailbox
from tests.fakes.ews_soap import local
from tests.fakes.exchange import Exchange


def test_first_synchronisation_lists_all_newest_first_in_pages(fake: Exchange, box: Mailbox) -> None:
    mails = deliver(box, 5)

    first = ask(fake, sync(most=2))
    second = ask(fake, sync(state_of(first), most=2))
    third = ask(fake, sync(state_of(second), most=2))

    pages = [changes(one) for one in (first, second, third)]
    assert pages == [[("Create", one) for one in mails[at::-1][:2]] for at in (4, 2, 0)]
    assert [texts(one, "IncludesLastItemInRange") for one in (first, second, third)] == [
        ["false"],
        ["false"],
        ["true"],
    ]


def test_synchronisation_tells_what_changed_since(fake: Exchange, box: Mailbox) -> None:
    changed, read, moved, gone = deliver(box, 5)[1:]
    state = state_of(ask(fake, sync()))
    box.replace(changed, raw(9))
    box.mark_read(read)
    box.move(moved, "deleteditems")
    box.delete(gone)
    new = box.deliver(raw(10))

    answer = ask(fake, sync(state, paths=("item:Subject",)))

    assert changes(answer) == [
        ("Create", new),
        ("Update", changed),
        ("ReadFlagChange", read),
        ("Delete", gone),
        ("Delete", moved),
    ]
    assert texts(answer, "Subject") == ["Mail 10", "Mail 9"]
    assert texts(answer, "IsRead") == ["true"]
    assert changes(ask(fake, sync(state_of(answer)))) == []


def test_what_came_and_went_meanwhile_is_never_told(fake: Exchange, box: Mailbox) -> None:
    state = state_of(ask(fake, sync()))
    box.delete(box.deliver(RAW))

    answer = ask(fake, sync(state))

    assert changes(answer) == []
    assert state_of(answer) == state


def test_old_states_still_work_and_tell_the_same(fake: Exchange, box: Mailbox) -> None:
    state = state_of(ask(fake, sync()))
    mails = deliver(box, 3)

    answers = [ask(fake, sync(state)) for _ in range(2)]

    assert [changes(one) for one in answers] == [[("Create", one) for one in mails[::-1]]] * 2


def test_changes_move_the_change_key_and_moves_the_id(fake: Exchange, box: Mailbox) -> None:
    mail = deliver(box, 1)[0]

    def key(id: str) -> str:
        return str(found(ask(fake, get_item(id, shape=shape())), "ItemId")[0].get("ChangeKey"))

    before = key(mail)
    box.mark_read(mail)
    read = key(mail)
    box.replace(mail, raw(1))
    changed = key(mail)
    moved = box.move(mail, "junkemail")

    assert before == read
    assert changed != before
    assert moved != mail
    assert codes(ask(fake, get_item(mail, moved, shape=shape()))) == (200, ["ErrorItemNotFound", "NoError"])


def test_ignored_items_are_passed_over_for_good(fake: Exchange, box: Mailbox) -> None:
    mails = deliver(box, 3)
    ignore = f'<m:Ignore><t:ItemId Id="{mails[1]}"/></m:Ignore>'

    answer = ask(fake, sync(ignore=ignore))

    assert changes(answer) == [("Create", mails[2]), ("Create", mails[0])]
    assert changes(ask(fake, sync(state_of(answer)))) == []


def test_synchronisation_never_has_bodies_or_recipients(fake: Exchange, box: Mailbox) -> None:
    box.deliver(RAW)
    paths = (
        "item:MimeContent",
        "item:Body",
        "item:TextBody",
        "item:InternetMessageHeaders",
        "message:ToRecipients",
    )

    item = found(ask(fake, sync(paths=(*paths, "message:From", "item:DisplayTo"))), "Message")[0]

    assert [local(one) for one in item] == ["ItemId", "DisplayTo", "From"]
    assert [local(one) for one in item[2][0]] == ["Name"]


def test_unknown_and_forgotten_states_are_refused(fake: Exchange, box: Mailbox) -> None:
    state = state_of(ask(fake, sync()))
    drafts = '<t:DistinguishedFolderId Id="drafts"/>'

    elsewhere = ask(fake, sync(state, folder=drafts))
    broken = ask(fake, sync(state[:-1]))
    before = ask(fake, sync(state))
    box.forget_state()
    after = ask(fake, sync(state))

    answers = (elsewhere, broken, before, after)
    error = "ErrorInvalidSyncStateData"
    assert [codes(one) for one in answers] == [(200, [one]) for one in (error, error, "NoError", error)]
    assert (texts(after, "SyncState"), texts(after, "IncludesLastItemInRange")) == ([""], ["true"])
    assert codes(ask(fake, sync())) == (200, ["NoError"])


def test_client_synchronises(fake: Exchange, box: Mailbox) -> None:
    first, second = deliver(box, 2)
    inbox = account(fake).inbox

    initial = [(kind, item.id) for kind, item in inbox.sync_items(only_fields=["subject"])]
    box.mark_read(first)
    box.delete(second)
    later = list(inbox.sync_items(only_fields=["subject"]))
    box.forget_state()

    assert initial == [("create", second), ("create", first)]
    assert [(kind, getattr(one, "id", None) or one[0].id) for kind, one in later] == [
        ("read_flag_change", first),
        ("delete", second),
    ]
    with pytest.raises(ErrorInvalidSyncStateData):
        list(inbox.sync_items(only_fields=["subject"]))


def test_pages_can_be_empty_doubled_and_reversed(fake: Exchange, box: Mailbox) -> None:
    one, two, three = deliver(box, 3)
    for call, fault in enumerate(("empty", "duplicated", "reversed"), 1):
        fake.on("SyncFolderItems", call=call, page=fault)

    empty = ask(fake, sync(most=2))
    doubled = ask(fake, sync(state_of(empty), most=2))
    backwards = ask(fake, sync(most=3))

    assert (changes(empty), texts(empty, "IncludesLastItemInRange")) == ([], ["false"])
    assert changes(doubled) == [("Create", three), ("Create", two), ("Create", three)]
    assert changes(ask(fake, sync(state_of(doubled)))) == [("Create", one)]
    assert changes(backwards) == [("Create", one), ("Create", two), ("Create", three)]


def test_client_goes_on_after_an_empty_page(fake: Exchange, box: Mailbox) -> None:
    mails = deliver(box, 3)
    inbox = account(fake).inbox
    fake.on("SyncFolderItems", call=1, page="empty")

    found = [item.id for _, item in inbox.sync_items(only_fields=["subject"], max_changes_returned=2)]

    assert found == mails[::-1]


def test_client_takes_a_state_that_stays_the_same_for_the_end(fake: Exchange, box: Mailbox) -> None:
    inbox = account(fake).inbox
    list(inbox.sync_items(only_fields=["subject"]))
    mails = deliver(box, 1)
    box.stall(1)

    stalled = list(inbox.sync_items(only_fields=["subject"]))

    assert stalled == []
    assert [item.id for _, item in inbox.sync_items(only_fields=["subject"])] == mails


def test_hierarchy_tells_folders_parents_first_and_then_changes(fake: Exchange, box: Mailbox) -> None:
    projects = box.add_folder("Projects", under="inbox")
    inner = box.add_folder("Inner", under=projects)
    top = '<m:SyncFolderId><t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId>'
    asked = shape("folder:DisplayName", name="FolderShape")

    def hierarchy(state: str = "") -> str:
        before = f"<m:SyncState>{state}</m:SyncState>" if state else ""
        return f"<m:SyncFolderHierarchy>{asked}{top}{before}</m:SyncFolderHierarchy>"

    first = ask(fake, hierarchy())
    box.rename_folder(projects, "Work")
    box.delete_folder(inner)
    other = box.add_folder("Other", under="inbox")
    second = ask(fake, hierarchy(state_of(first)))
    box.forget_state()

    assert changes(first) == [("Create", projects), ("Create", inner)]
    assert changes(second) == [("Create", other), ("Update", projects), ("Delete", inner)]
    assert texts(second, "DisplayName") == ["Other", "Work"]
    refused = ask(fake, hierarchy(state_of(second)))
    assert codes(refused) == (200, ["ErrorInvalidSyncStateData"])
    assert (texts(refused, "SyncState"), texts(refused, "IncludesLastFolderInRange")) == ([""], ["true"])


def test_meeting_requests_are_another_kind_of_item(fake: Exchange, box: Mailbox) -> None:
    request = (
        b"From: ben@corp.example\r\nSubject: Lunch\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\n"
        b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
    )
    box.deliver(request)

    assert [local(one) for one in found(ask(fake, sync()), "Create")[0]] == ["MeetingRequest"]
    kind, item = next(account(fake).inbox.sync_items(only_fields=["subject", "item_class"]))
    assert (kind, type(item), item.item_class) == ("create", MeetingRequest, "IPM.Schedule.Meeting.Request")


def test_control_characters_do_not_break_the_answer(fake: Exchange, box: Mailbox) -> None:
    box.deliver(b"From: x@y\r\nSubject: a\x00b\x0bc\r\n\r\n")

    answer = ask(fake, sync(paths=("item:Subject",)))

    assert texts(answer, "Subject") == ["abc"]


def test_client_asks_for_everything_unless_told(fake: Exchange, box: Mailbox) -> None:
    box.deliver(RAW)
    inbox = account(fake).inbox

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        synchronised = [item for _, item in inbox.sync_items()]

    assert [(one.subject, one.body, one.mime_content, one.to_recipients) for one in synchronised] == [
        ("Re: Grüße", None, None, None)
    ]
