"""The fake of Gmail: listing, reading, history, quotas."""

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from tests.contracts.google.asking import ADA, BEN, NOON, get, reason
from tests.fakes.gmail_mailbox import Mailbox
from tests.fakes.google import CALENDAR, MAIL, Google, google
from tests.fakes.google_grants import AUTH
from tests.fakes.google_search import NotInThisFake

BASE = "/gmail/v1/users/me"
RAW = b"From: ben@example.com\r\nSubject: Hello\r\nMessage-ID: <a@example.com>\r\n\r\nHow are you?\r\n"


def deliver(box: Mailbox, count: int) -> list[str]:
    """Ids, newest first."""
    found = [box.deliver(RAW, at=NOON - timedelta(days=9) + timedelta(hours=at)) for at in range(count)]
    return found[::-1]


def listed(answer: httpx.Response) -> list[str]:
    return [one["id"] for one in answer.json().get("messages", [])]


def test_profile_counts_and_gives_the_history_id_as_text(fake: Google, box: Mailbox, token: str) -> None:
    deliver(box, 2)

    profile = get(fake, token, f"{BASE}/profile").json()

    assert profile == {
        "emailAddress": ADA,
        "messagesTotal": 2,
        "threadsTotal": 2,
        "historyId": str(box.history_id),
    }


def test_mailboxes_are_the_users_own(fake: Google, box: Mailbox, token: str) -> None:
    mail = box.deliver(RAW)
    bens = fake.mailbox(BEN).deliver(RAW)
    ben = fake.grant(BEN, *MAIL).access_token

    assert mail != bens
    assert get(fake, ben, f"{BASE}/messages/{mail}").status_code == 404
    assert get(fake, ben, f"/gmail/v1/users/{BEN}/profile").status_code == 200
    refused = get(fake, ben, f"/gmail/v1/users/{ADA}/profile")
    assert (refused.status_code, reason(refused)) == (403, "forbidden")


def test_accounts_without_gmail_say_so(fake: Google, box: Mailbox, token: str) -> None:
    box.enabled = False

    answer = get(fake, token, f"{BASE}/profile")

    assert (answer.status_code, reason(answer)) == (400, "failedPrecondition")
    assert answer.json()["error"]["message"] == "Mail service not enabled"


def test_listing_gives_ids_newest_first_and_nothing_else(fake: Google, box: Mailbox, token: str) -> None:
    empty = get(fake, token, f"{BASE}/messages").json()
    mails = deliver(box, 3)

    answer = get(fake, token, f"{BASE}/messages")

    assert empty == {"resultSizeEstimate": 0}
    assert listed(answer) == mails
    assert {key for one in answer.json()["messages"] for key in one} == {"id", "threadId"}


def test_pages_follow_each_other_while_the_mailbox_changes(fake: Google, box: Mailbox, token: str) -> None:
    mails = deliver(box, 5)

    first = get(fake, token, f"{BASE}/messages", maxResults=2)
    box.delete(mails[0])
    box.delete(mails[2])
    box.deliver(RAW)
    after = first.json()["nextPageToken"]
    second = get(fake, token, f"{BASE}/messages", maxResults=2, pageToken=after)

    assert listed(first) == mails[:2]
    assert listed(second) == mails[3:]
    assert "nextPageToken" not in second.json()


def test_page_tokens_are_bound_to_their_query_and_user(fake: Google, box: Mailbox, token: str) -> None:
    deliver(box, 3)
    deliver(fake.mailbox(BEN), 3)
    ben = fake.grant(BEN, *MAIL).access_token
    after = get(fake, token, f"{BASE}/messages", maxResults=1).json()["nextPageToken"]
    path = f"{BASE}/messages"

    wrong = [
        get(fake, token, path, maxResults=2, pageToken=after),
        get(fake, token, path, maxResults=1, labelIds="INBOX", pageToken=after),
        get(fake, token, path, maxResults=1, pageToken="2"),
        get(fake, ben, path, maxResults=1, pageToken=after),
        get(fake, token, f"{BASE}/history", startHistoryId=box.oldest_history_id, pageToken=after),
    ]

    assert [one.status_code for one in wrong] == [400] * 5
    assert get(fake, token, path, maxResults=1, pageToken=after).status_code == 200


@pytest.mark.parametrize(
    "params",
    [
        {"maxResults": 501},
        {"maxResults": 0},
        {"maxResults": "many"},
        {"includeSpamTrash": "yes"},
        {"labelIds": "NOPE"},
        {"maxResults": [1, 2]},
        {"labelId": "INBOX"},
    ],
)
def test_listing_refuses_what_it_does_not_know(fake: Google, box: Mailbox, token: str, params: dict) -> None:
    assert get(fake, token, f"{BASE}/messages", **params).status_code == 400
    assert get(fake, token, f"{BASE}/messages", maxResults=500, labelIds=["INBOX"]).status_code == 200


def test_listing_goes_by_labels_and_leaves_out_junk(fake: Google, box: Mailbox, token: str) -> None:
    inbox, sent, spam, trash = (
        box.deliver(RAW, labels=[name]) for name in ("INBOX", "SENT", "SPAM", "INBOX")
    )
    box.trash(trash)
    own = box.add_label("Clients")
    box.relabel(sent, add=[own])

    def ids(**params: object) -> set[str]:
        return set(listed(get(fake, token, f"{BASE}/messages", **params)))

    assert ids() == {inbox, sent}
    assert ids(includeSpamTrash="true") == {inbox, sent, spam, trash}
    assert ids(labelIds="TRASH") == set()
    assert ids(labelIds="TRASH", includeSpamTrash="true") == {trash}
    assert ids(labelIds=["SENT", own]) == {sent}
    assert ids(labelIds=["INBOX", own]) == set()
    assert ids(q="-in:sent") == {inbox}


def test_search_knows_times_and_message_ids(fake: Google, box: Mailbox, token: str) -> None:
    mails = deliver(box, 3)
    middle = int((NOON - timedelta(days=9) + timedelta(hours=1)).timestamp())

    assert listed(get(fake, token, f"{BASE}/messages", q=f"after:{middle}")) == mails[:2]
    assert listed(get(fake, token, f"{BASE}/messages", q=f"before:{middle}")) == mails[2:]
    assert len(listed(get(fake, token, f"{BASE}/messages", q="rfc822msgid:a@example.com"))) == 3


def test_search_fails_the_test_over_words_it_does_not_know() -> None:
    with pytest.raises(NotInThisFake), google() as fake:
        fake.add_user(ADA)
        fake.mailbox(ADA).deliver(RAW)
        answer = get(fake, fake.grant(ADA, *MAIL).access_token, f"{BASE}/messages", q="larger:5M")
        assert answer.status_code == 501


def test_reading_gives_as_much_as_the_format_says(fake: Google, box: Mailbox, token: str) -> None:
    mail = box.deliver(RAW)
    always = {"id", "threadId", "labelIds", "snippet", "historyId", "internalDate", "sizeEstimate"}

    def read(**params: object) -> dict:
        return dict(get(fake, token, f"{BASE}/messages/{mail}", **params).json())

    raw, headers = read(format="raw"), read(format="metadata", metadataHeaders="subject")
    assert set(read(format="minimal")) == always
    assert set(raw) == always | {"raw"}
    assert base64.urlsafe_b64decode(raw["raw"]) == RAW
    assert raw["internalDate"] == str(int(NOON.timestamp() * 1000))
    assert headers["payload"]["headers"] == [{"name": "Subject", "value": "Hello"}]
    assert read()["payload"]["body"]["size"] == len(b"How are you?\r\n")
    fake.gmail.pads_raw = False
    assert read(format="raw")["raw"] == raw["raw"].rstrip("=")


def test_reading_refuses_unknown_ids_and_formats(fake: Google, box: Mailbox, token: str) -> None:
    mail = box.deliver(RAW)
    path = f"{BASE}/messages"

    assert get(fake, token, f"{path}/{mail}", format="eml").status_code == 400
    assert get(fake, token, f"{path}/not-an-id").status_code == 400
    assert get(fake, token, f"{path}/18c0ffee0badf00d").status_code == 404
    box.delete(mail)
    assert reason(get(fake, token, f"{path}/{mail}")) == "notFound"


def test_metadata_scope_takes_search_and_bodies_away(fake: Google, box: Mailbox) -> None:
    mail = box.deliver(RAW)
    token = fake.grant(ADA, f"{AUTH}gmail.metadata", f"{AUTH}gmail.readonly").access_token

    assert get(fake, token, f"{BASE}/messages", q="in:inbox").status_code == 403
    assert get(fake, token, f"{BASE}/messages").status_code == 200
    assert get(fake, token, f"{BASE}/messages/{mail}", format="raw").status_code == 403
    assert get(fake, token, f"{BASE}/messages/{mail}", format="metadata").status_code == 200


def test_answers_join_the_thread_they_answer(fake: Google, box: Mailbox) -> None:
    first = box.deliver(RAW)
    answer = box.deliver(b"Message-ID: <b@example.com>\r\nIn-Reply-To: <a@example.com>\r\n\r\n")
    other = box.deliver(b"Message-ID: <c@example.com>\r\n\r\n")

    assert [box.mails[one].thread for one in (first, answer, other)] == [first, first, other]


def test_history_tells_every_change_in_order(fake: Google, box: Mailbox, token: str) -> None:
    start = box.history_id
    mail = box.deliver(RAW)
    box.trash(mail)
    box.delete(mail)

    told = get(fake, token, f"{BASE}/history", startHistoryId=start).json()

    kinds = [sorted(set(one) - {"id", "messages"}) for one in told["history"]]
    assert kinds == [["messagesAdded"], ["labelsAdded"], ["labelsRemoved"], ["messagesDeleted"]]
    assert told["history"][0]["messagesAdded"][0]["message"]["labelIds"] == ["INBOX", "UNREAD"]
    assert told["history"][1]["labelsAdded"][0]["labelIds"] == ["TRASH"]
    assert told["historyId"] == str(box.history_id)
    assert all(isinstance(one["id"], str) for one in told["history"])
    assert get(fake, token, f"{BASE}/history", startHistoryId=box.history_id).json() == {
        "historyId": str(box.history_id)
    }


def test_history_goes_by_type_and_label(fake: Google, box: Mailbox, token: str) -> None:
    start = box.history_id
    inbox, sent = box.deliver(RAW), box.deliver(RAW, labels=["SENT"])
    box.relabel(inbox, remove=["UNREAD"])

    def told(**params: object) -> list[str]:
        answer = get(fake, token, f"{BASE}/history", startHistoryId=start, **params).json()
        return [one["messages"][0]["id"] for one in answer.get("history", [])]

    assert told() == [inbox, sent, inbox]
    assert told(historyTypes="messageAdded") == [inbox, sent]
    assert told(historyTypes=["messageAdded", "labelRemoved"], labelId="INBOX") == [inbox, inbox]
    assert told(historyTypes="messageDeleted") == []


@pytest.mark.parametrize(
    "params", [{}, {"startHistoryId": "x"}, {"startHistoryId": 1, "historyTypes": "messages"}, {"q": "x"}]
)
def test_history_refuses_malformed_requests(fake: Google, box: Mailbox, token: str, params: dict) -> None:
    assert get(fake, token, f"{BASE}/history", **params).status_code == 400


def test_history_too_old_or_never_issued_is_not_found(fake: Google, box: Mailbox, token: str) -> None:
    start = box.history_id
    box.deliver(RAW)
    box.forget_history()
    box.deliver(RAW)

    def status(at: int) -> int:
        return get(fake, token, f"{BASE}/history", startHistoryId=at).status_code

    assert [status(start), status(box.history_id + 1)] == [404, 404]
    assert [status(box.oldest_history_id), status(box.history_id)] == [200, 200]


def test_history_pages_may_repeat_and_end_in_more(fake: Google, box: Mailbox, token: str) -> None:
    start = box.history_id
    mails = deliver(box, 2)[::-1]
    box.repeat_history()
    path = f"{BASE}/history"

    first = get(fake, token, path, startHistoryId=start, maxResults=2).json()
    late = box.deliver(RAW)
    after = first["nextPageToken"]
    second = get(fake, token, path, startHistoryId=start, maxResults=2, pageToken=after).json()

    found = [one["messages"][0]["id"] for one in first["history"] + second["history"]]
    assert found == [*mails, mails[-1], late]
    assert "nextPageToken" not in second


def test_pages_can_be_empty_doubled_or_turned_round(fake: Google, box: Mailbox, token: str) -> None:
    mails = deliver(box, 4)
    for call, page in enumerate(("empty", "duplicated", "reversed"), start=1):
        fake.faults.on("GET", f"{BASE}/messages", call=call, page=page)  # type: ignore[arg-type]

    first = get(fake, token, f"{BASE}/messages", maxResults=2).json()
    after = first["nextPageToken"]
    second = get(fake, token, f"{BASE}/messages", maxResults=2, pageToken=after)
    after = second.json()["nextPageToken"]
    third = get(fake, token, f"{BASE}/messages", maxResults=2, pageToken=after)

    assert "messages" not in first
    assert listed(second) == [mails[0], mails[1], mails[0]]
    assert listed(third) == [mails[3], mails[2]]


def test_quota_counts_units_within_a_minute(fake: Google, box: Mailbox, token: str) -> None:
    mail = box.deliver(RAW)
    fake.gmail.quota.limit = 45

    def read() -> httpx.Response:
        return get(fake, token, f"{BASE}/messages/{mail}")

    statuses = [read().status_code for _ in range(2)]
    statuses.append(get(fake, token, f"{BASE}/messages").status_code)
    over = get(fake, token, f"{BASE}/profile")
    fake.gmail.over_quota = 429
    later = get(fake, token, f"{BASE}/profile")
    fake.clock.advance(seconds=60)

    assert statuses == [200, 200, 200]
    assert (over.status_code, reason(over)) == (403, "rateLimitExceeded")
    assert over.json()["error"]["errors"][0]["domain"] == "usageLimits"
    assert later.status_code == 429
    assert later.json()["error"]["message"].endswith("Retry after 2026-03-01T12:01:00.000Z")
    assert read().status_code == 200
    bens = fake.grant(BEN, *MAIL).access_token
    assert get(fake, bens, f"{BASE}/messages").status_code == 200


def test_too_many_requests_at_once_are_refused(fake: Google, box: Mailbox, token: str) -> None:
    fake.gmail.concurrency = 2
    slow = fake.faults.on("GET", f"{BASE}/profile", hang="until released")

    with ThreadPoolExecutor(3) as pool:
        hanging = [pool.submit(get, fake, token, f"{BASE}/profile") for _ in range(2)]
        while slow.struck < 2:
            time.sleep(0.01)
        third = get(fake, token, f"{BASE}/labels")
        slow.release()
        statuses = [one.result().status_code for one in hanging]

    assert (third.status_code, reason(third)) == (429, "rateLimitExceeded")
    assert third.json()["error"]["message"] == "Too many concurrent requests for user."
    assert statuses == [200, 200]
    assert get(fake, token, f"{BASE}/labels").status_code == 200


def test_labels_and_aliases_are_listed(fake: Google, box: Mailbox, token: str) -> None:
    own = box.add_label("Clients")
    box.add_alias("sales@example.com", verified=False)

    labels = get(fake, token, f"{BASE}/labels").json()["labels"]
    aliases = get(fake, token, f"{BASE}/settings/sendAs").json()["sendAs"]

    assert labels[0] == {"id": "INBOX", "name": "INBOX", "type": "system"}
    assert labels[-1] == {"id": own, "name": "Clients", "type": "user"}
    told = [(one["sendAsEmail"], one.get("isPrimary"), one.get("verificationStatus")) for one in aliases]
    assert told == [(ADA, True, None), ("sales@example.com", None, "pending")]
    metadata = fake.grant(ADA, f"{AUTH}gmail.metadata").access_token
    assert get(fake, metadata, f"{BASE}/settings/sendAs").status_code == 403
    assert get(fake, fake.grant(ADA, *CALENDAR).access_token, f"{BASE}/labels").status_code == 403
