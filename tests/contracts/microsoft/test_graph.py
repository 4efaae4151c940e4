"""The fake of Microsoft Graph: who may ask, how errors look, limits, batches."""

import base64
import json
import threading
import time

import httpx

from tests.contracts.http import HTTP
from tests.contracts.microsoft.asking import ADA, BEN, LASTING, code, follow, get, refused, values
from tests.fakes.faults import Fault
from tests.fakes.microsoft import CALENDAR, MAIL, Microsoft

FOLDERS = "/me/mailFolders"
RAW = b"From: ben@contoso.example\r\nSubject: Hello\r\nMessage-ID: <1@contoso.example>\r\n\r\nHi\r\n"


def batch(fake: Microsoft, token: str, *parts: dict) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return HTTP.post(f"{fake.graph_url}/v1.0/$batch", json={"requests": list(parts)}, headers=headers)


def part(id: int, url: str, **more: object) -> dict:
    return {"id": str(id), "method": "GET", "url": url} | more


def answers(answer: httpx.Response) -> dict[str, dict]:
    return {one["id"]: one for one in answer.json()["responses"]}


def wait_for(fault: Fault, times: int) -> None:
    """Until it has struck so often: requests of other threads are on their way."""
    deadline = time.monotonic() + 10
    while fault.struck < times:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_tokens_are_of_one_person_and_end(fake: Microsoft, token: str) -> None:
    nobody = HTTP.get(f"{fake.graph_url}/v1.0/me")
    made_up = get(fake, "made-up", "/me")
    known = get(fake, token, "/me")
    fake.expire_access(ADA)
    expired = get(fake, token, "/me")

    assert [refused(one) for one in (nobody, made_up, expired)] == [(401, "InvalidAuthenticationToken")] * 3
    assert nobody.headers["www-authenticate"].startswith('Bearer realm="", authorization_uri="')
    assert known.json()["userPrincipalName"] == ADA
    assert get(fake, fake.grant(BEN, *MAIL).access_token, "/me").json()["userPrincipalName"] == BEN


def test_errors_look_as_graphs_do(fake: Microsoft, token: str) -> None:
    error = get(fake, token, f"{FOLDERS}/nowhere").json()["error"]

    assert (error["code"], set(error)) == ("ErrorItemNotFound", {"code", "message", "innerError"})
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}


def test_claims_challenges_end_with_a_refresh_that_passes_them_on(fake: Microsoft) -> None:
    grant = fake.grant(ADA, *MAIL)
    fake.challenge(ADA)
    form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
    form |= {"client_id": fake.client.id, "client_secret": fake.client.secret}

    challenged = get(fake, grant.access_token, "/me")
    header = challenged.headers["www-authenticate"]
    claims = base64.b64decode(header.partition('claims="')[2].rstrip('"')).decode()
    renewed = HTTP.post(f"{fake.login_url}/common/oauth2/v2.0/token", data=form | {"claims": claims}).json()

    assert refused(challenged) == (401, "InvalidAuthenticationToken")
    assert 'error="insufficient_claims"' in header
    assert "access_token" in json.loads(claims)
    assert get(fake, renewed["access_token"], "/me").status_code == 200


def test_scopes_of_mail_calendars_and_profile_are_apart(fake: Microsoft) -> None:
    mail, calendars, profile = (
        fake.grant(ADA, one).access_token for one in ("Mail.Read", "Calendars.Read", "User.Read")
    )
    paths = (FOLDERS, "/me/calendars", "/me")

    assert [get(fake, mail, path).status_code for path in paths] == [200, 403, 403]
    assert [get(fake, calendars, path).status_code for path in paths] == [403, 200, 403]
    assert [get(fake, profile, path).status_code for path in paths] == [403, 403, 200]
    assert code(get(fake, profile, FOLDERS)) == "ErrorAccessDenied"
    assert code(get(fake, mail, "/me")) == "Authorization_RequestDenied"


def test_profile_tells_addresses_only_when_asked(fake: Microsoft, token: str) -> None:
    fake.grants.users[ADA].aliases.append("lovelace@contoso.example")
    fake.grants.users[ADA].other_mails.append("ada@home.example")

    usual = get(fake, token, "/me").json()
    chosen = get(fake, token, "/me", select="id,mail,proxyAddresses,otherMails").json()
    identity = HTTP.get(
        f"{fake.graph_url}/oidc/userinfo", headers={"Authorization": f"Bearer {token}"}
    ).json()

    assert identity["email"] == ADA
    assert (usual["displayName"], usual["mail"]) == ("Ada Lovelace", ADA)
    assert {"proxyAddresses", "otherMails"} & set(usual) == set()
    assert chosen == {
        "id": fake.grants.users[ADA].id,
        "mail": ADA,
        "proxyAddresses": [f"SMTP:{ADA}", "smtp:lovelace@contoso.example"],
        "otherMails": ["ada@home.example"],
    }


def test_what_graph_does_not_know_is_refused(fake: Microsoft, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    wrong = [
        get(fake, token, "/me/mailbox"),
        get(fake, token, FOLDERS, foo="1"),
        get(fake, token, FOLDERS, select="id,wellKnownName"),
        get(fake, token, FOLDERS, select=""),
        get(fake, token, FOLDERS, top="0"),
        get(fake, token, FOLDERS, includeHiddenFolders="yes"),
        get(fake, token, FOLDERS, prefer="IdType=Immutable"),
        get(fake, token, FOLDERS, prefer="maxpagesize=5"),
        get(fake, token, FOLDERS, prefer="odata.maxpagesize=many"),
        HTTP.get(f"{fake.graph_url}/beta/me", headers=headers),
        HTTP.get(f"{fake.graph_url}/v1.0{FOLDERS}?$top=5&$top=6", headers=headers),
    ]
    posted = HTTP.post(f"{fake.graph_url}/v1.0{FOLDERS}", json={}, headers=headers)

    assert [answer.status_code for answer in wrong] == [400] * len(wrong)
    assert posted.status_code == 405


def test_preferences_that_were_heard_are_named(fake: Microsoft, token: str) -> None:
    answer = get(fake, token, FOLDERS, prefer=f"{LASTING}, odata.maxpagesize=3")

    assert answer.headers["preference-applied"] == 'IdType="ImmutableId", odata.maxpagesize="3"'
    assert len(values(answer)) == 3


def test_mailboxes_may_be_where_graph_does_not_reach(fake: Microsoft, token: str) -> None:
    calendars = fake.grant(ADA, *CALENDAR).access_token
    fake.disable_mailbox(ADA)

    assert refused(get(fake, token, FOLDERS)) == (404, "MailboxNotEnabledForRESTAPI")
    assert refused(get(fake, calendars, "/me/calendars")) == (404, "MailboxNotEnabledForRESTAPI")
    assert get(fake, token, "/me").json()["mail"] is None


def test_requests_within_ten_minutes_are_limited_for_each_mailbox(fake: Microsoft, token: str) -> None:
    fake.api.limit.most = 2
    ben = fake.grant(BEN, *MAIL).access_token

    statuses = [get(fake, token, FOLDERS).status_code for _ in range(2)]
    over = get(fake, token, FOLDERS)
    statuses.append(get(fake, ben, FOLDERS).status_code)
    fake.clock.advance(minutes=10)

    assert statuses == [200, 200, 200]
    assert refused(over) == (429, "ApplicationThrottled")
    assert 590 <= int(over.headers["retry-after"]) <= 600
    assert get(fake, fake.grant(ADA, *MAIL).access_token, FOLDERS).status_code == 200


def test_five_requests_at_a_time_are_one_too_many(fake: Microsoft, token: str) -> None:
    hang = fake.faults.on("GET", "/v1.0/me/mailFolders/inbox", hang="until released")
    threads = [threading.Thread(target=get, args=(fake, token, f"{FOLDERS}/inbox")) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(hang, 4)

    over = get(fake, token, FOLDERS)
    others = get(fake, fake.grant(BEN, *MAIL).access_token, FOLDERS)
    profile = get(fake, token, "/me")
    hang.release()
    for thread in threads:
        thread.join()

    assert refused(over) == (429, "ApplicationThrottled")
    assert "MailboxConcurrency" in over.json()["error"]["message"]
    assert over.headers["retry-after"] == "1"
    assert (others.status_code, profile.status_code) == (200, 200)
    assert get(fake, token, FOLDERS).status_code == 200


def test_faults_answer_in_graphs_words(fake: Microsoft, token: str) -> None:
    fake.faults.on("GET", "/v1.0/me/mailFolders", call=1, status=503, retry_after=1)
    fake.faults.on("GET", "/v1.0/me/mailFolders", call=1, status=429, reason="TooManyRequests")

    first, second, third = (get(fake, token, FOLDERS) for _ in range(3))

    assert (refused(first), first.headers["retry-after"]) == ((503, "ServiceUnavailable"), "1")
    assert (second.status_code, third.status_code) == (200, 200)
    assert [call.status for call in fake.log.of("GET", "/v1.0/me/mailFolders")] == [503, 200, 200]


def test_batches_answer_each_request_by_its_id(fake: Microsoft, token: str) -> None:
    message = fake.mailbox(ADA).deliver(RAW)
    prefer = {"headers": {"Prefer": LASTING}}

    found = batch(
        fake,
        token,
        part(1, f"/me/messages/{message}?$select=subject", **prefer),
        part(2, f"/me/messages/{message}/$value", **prefer),
        part(3, "/me/messages/AAMknowhere"),
        part(4, f"/me/messages/{message}?$select=subject"),
    )

    parts = answers(found)
    assert [one["id"] for one in found.json()["responses"]] == ["4", "3", "2", "1"]
    assert [parts[id]["status"] for id in "1234"] == [200, 200, 404, 404]
    assert parts["1"]["body"]["subject"] == "Hello"
    assert base64.b64decode(parts["2"]["body"]) == RAW
    assert parts["3"]["body"]["error"]["code"] == "ErrorItemNotFound"
    assert [call.path.rpartition("/")[2][:8] for call in fake.log.calls] == [
        "$batch", message[:8], "$value", "AAMknowh", message[:8]
    ]  # fmt: skip


def test_batches_are_of_twenty_at_most_and_well_formed(fake: Microsoft, token: str) -> None:
    many = [part(number, FOLDERS) for number in range(21)]

    wrong = [
        batch(fake, token, *many),
        batch(fake, token),
        batch(fake, token, part(1, FOLDERS), part(1, FOLDERS)),
        batch(fake, token, {"id": "1", "url": FOLDERS}),
        batch(fake, token, {"id": 1, "url": FOLDERS, "method": "GET"}),
        batch(fake, token, part(1, f"{fake.graph_url}/v1.0{FOLDERS}")),
        batch(fake, token, part(1, FOLDERS, dependsOn=["2"])),
    ]
    by_get = get(fake, token, "/$batch")

    assert [answer.status_code for answer in wrong] == [400] * len(wrong)
    assert code(wrong[0]) == "MaximumValueExceeded"
    assert by_get.status_code == 405
    assert len(answers(batch(fake, token, *many[:20]))) == 20
    assert refused(batch(fake, "made-up", part(1, FOLDERS))) == (401, "InvalidAuthenticationToken")


def test_requests_of_a_batch_can_fail_one_by_one(fake: Microsoft, token: str) -> None:
    fake.faults.on("GET", "/v1.0/me/mailFolders/inbox", call=1, status=429, retry_after=7)

    found = answers(batch(fake, token, part(1, f"{FOLDERS}/inbox"), part(2, f"{FOLDERS}/inbox")))

    assert (found["1"]["status"], found["2"]["status"]) == (429, 200)
    assert found["1"]["headers"]["Retry-After"] == "7"
    assert found["1"]["body"]["error"]["code"] == "ApplicationThrottled"


def test_requests_of_a_batch_run_four_at_a_time(fake: Microsoft, token: str) -> None:
    parts = [part(number, FOLDERS) for number in range(8)]
    hang = fake.faults.on("GET", "/v1.0/me/mailFolders/inbox", hang="until released")
    other = threading.Thread(target=get, args=(fake, token, f"{FOLDERS}/inbox"))

    alone = answers(batch(fake, token, *parts))
    other.start()
    wait_for(hang, 1)
    beside = answers(batch(fake, token, *parts))
    chained = answers(batch(fake, token, parts[0], *(one | {"dependsOn": ["0"]} for one in parts[1:])))
    hang.release()
    other.join()

    assert {one["status"] for one in alone.values()} == {200}
    assert [beside[str(number)]["status"] for number in range(8)] == [200, 200, 200, 429] * 2
    assert {one["status"] for one in chained.values()} == {200}


def test_requests_of_a_batch_wait_for_those_they_depend_on(fake: Microsoft, token: str) -> None:
    found = answers(
        batch(fake, token, part(1, f"{FOLDERS}/nowhere"), part(2, FOLDERS, dependsOn=["1"]), part(3, FOLDERS))
    )

    assert [found[id]["status"] for id in "123"] == [404, 424, 200]


def test_links_of_another_person_lead_nowhere(fake: Microsoft, token: str) -> None:
    link = get(fake, token, f"{FOLDERS}/inbox/messages/delta").json()["@odata.deltaLink"]
    ben = fake.grant(BEN, *MAIL).access_token

    assert follow(token, link).status_code == 200
    assert follow(ben, link).status_code == 400
