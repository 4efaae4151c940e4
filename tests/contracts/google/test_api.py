"""The fake of Google: what every API refuses, batches, faults, and the log."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.contracts.google.asking import ADA, get, reason
from tests.contracts.http import HTTP
from tests.fakes.google import CALENDAR, MAIL, Google
from tests.fakes.google_grants import AUTH, Grant

PROFILE = "/gmail/v1/users/me/profile"


def refreshed(fake: Google, granted: Grant) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": granted.refresh_token}
    secret = {"client_id": fake.client.id, "client_secret": fake.client.secret}
    return HTTP.post(fake.token_url, data=form | secret)


def test_apis_tell_apart_no_token_a_bad_one_and_one_without_the_scope(fake: Google) -> None:
    calendar = fake.grant(ADA, *CALENDAR).access_token

    none = HTTP.get(fake.api_url + PROFILE)
    bad = get(fake, "ya29.unknown", PROFILE)
    narrow = get(fake, calendar, PROFILE)

    assert [one.status_code for one in (none, bad, narrow)] == [401, 401, 403]
    assert [reason(one) for one in (none, bad, narrow)] == [
        "required",
        "authError",
        "insufficientPermissions",
    ]
    assert narrow.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    assert 'error="insufficient_scope"' in narrow.headers["www-authenticate"]


def test_apis_refuse_unknown_parameters_methods_and_paths(fake: Google) -> None:
    token = fake.grant(ADA, *MAIL).access_token
    bearer = {"Authorization": f"Bearer {token}"}

    assert get(fake, token, PROFILE, limit=5).status_code == 400
    assert get(fake, token, PROFILE, access_token=token).status_code == 400
    assert get(fake, token, PROFILE, alt="xml").status_code == 400
    assert get(fake, token, PROFILE, alt="json", prettyPrint="false").status_code == 200
    assert HTTP.post(fake.api_url + PROFILE, headers=bearer).status_code == 400
    assert get(fake, token, "/gmail/v2/users/me/profile").status_code == 404
    assert HTTP.get(fake.oauth_url + PROFILE, headers=bearer).status_code == 404


def test_fields_select_parts_that_exist(fake: Google) -> None:
    token = fake.grant(ADA, *MAIL).access_token
    fake.mailbox(ADA).deliver(b"Subject: one\r\n\r\n")
    path = "/gmail/v1/users/me/messages"

    chosen = get(fake, token, path, fields="messages(id),nextPageToken").json()

    assert [set(one) for one in chosen["messages"]] == [{"id"}]
    for wrong in ("messages(uid)", "messages(id", "messages/", "messages,,id"):
        assert reason(get(fake, token, path, fields=wrong)) == "invalidParameter"


def test_faults_strike_the_call_they_name(fake: Google) -> None:
    token = fake.grant(ADA, *MAIL).access_token
    fault = fake.faults.on("GET", "/gmail/v1/.../profile", call=[2, 3], status=503, retry_after=1)

    answers = [get(fake, token, PROFILE) for _ in range(4)]

    assert [one.status_code for one in answers] == [200, 503, 503, 200]
    assert [one.headers.get("retry-after") for one in answers] == [None, "1", "1", None]
    assert reason(answers[1]) == "backendError"
    assert (fault.seen, fault.struck) == (4, 2)
    assert get(fake, token, "/gmail/v1/users/me/labels").status_code == 200


def test_faults_cut_reset_and_hang(fake: Google) -> None:
    token = fake.grant(ADA, *MAIL).access_token
    fake.faults.on("GET", PROFILE, call=1, truncate=True)
    fake.faults.on("GET", PROFILE, call=2, reset=True)
    hanging = fake.faults.on("GET", PROFILE, call=3, hang="until released")
    fake.faults.on("GET", PROFILE, call=4, hang=0.2)

    with pytest.raises(httpx.RemoteProtocolError):
        get(fake, token, PROFILE)
    with pytest.raises(httpx.ReadError):
        get(fake, token, PROFILE)
    with pytest.raises(httpx.ReadTimeout):
        HTTP.get(fake.api_url + PROFILE, headers={"Authorization": f"Bearer {token}"}, timeout=0.1)
    hanging.release()
    started = time.monotonic()

    assert get(fake, token, PROFILE).status_code == 200
    assert time.monotonic() - started >= 0.2


def test_faults_change_the_account_in_the_middle_of_a_run(fake: Google) -> None:
    granted = fake.grant(ADA, *MAIL)
    fake.faults.on("GET", PROFILE, call=2, run=lambda: fake.expire_access(ADA))
    fake.faults.on("POST", "/token", call=2, status=400, reason="invalid_grant")
    fake.faults.on("GET", PROFILE, call=4, run=lambda: fake.withhold(ADA, f"{AUTH}gmail.readonly"))

    statuses = [get(fake, granted.access_token, PROFILE).status_code for _ in range(2)]
    fresh = refreshed(fake, granted).json()["access_token"]
    statuses += [get(fake, fresh, PROFILE).status_code for _ in range(2)]

    assert statuses == [200, 401, 200, 403]
    assert refreshed(fake, granted).json()["error"] == "invalid_grant"


def test_faults_pick_requests_and_put_words_into_answers(fake: Google) -> None:
    token = fake.grant(ADA, *MAIL).access_token
    path = "/gmail/v1/users/me/messages"
    later = fake.faults.on(
        "GET", path, when=lambda one: "pageToken" in dict(one.query), status=500, body=b"<"
    )

    first = get(fake, token, path)
    second = get(fake, token, path, pageToken="x")
    fake.faults.clear()

    assert (first.status_code, second.status_code, second.content) == (200, 500, b"<")
    assert later.seen == 1
    assert get(fake, token, path, pageToken="x").status_code == 400


def test_log_knows_who_asked_what_and_never_a_token(fake: Google) -> None:
    granted = fake.grant(ADA, *MAIL)
    refreshed(fake, granted)
    get(fake, granted.access_token, "/gmail/v1/users/me/messages", maxResults=5)
    HTTP.post(fake.revoke_url, params={"token": granted.refresh_token})
    get(fake, granted.access_token, PROFILE)

    told = [(one.method, one.path, one.status, one.user, one.detail) for one in fake.log.calls]
    assert told == [
        ("POST", "/token", 200, ADA, "refresh_token"),
        ("GET", "/gmail/v1/users/me/messages", 200, ADA, ""),
        ("POST", "/revoke", 200, ADA, ""),
        ("GET", PROFILE, 401, "", "authError"),
    ]
    assert fake.log.of("GET", "/gmail/...")[0].query == (("maxResults", "5"),)
    assert granted.refresh_token not in repr(fake.log.calls)
    assert granted.access_token not in repr(fake.log.calls)


def test_several_requests_are_answered_at_once(fake: Google) -> None:
    token = fake.grant(ADA, *MAIL).access_token
    fake.faults.on("GET", PROFILE, hang=0.5)
    started = time.monotonic()

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: get(fake, token, PROFILE).status_code, range(4)))

    assert statuses == [200] * 4
    assert time.monotonic() - started < 1.9


def batched(fake: Google, token: str, *lines: str) -> httpx.Response:
    parts = [
        f"--cut\r\nContent-Type: application/http\r\nContent-ID: <{at}>\r\n\r\n{line}\r\n\r\n"
        for at, line in enumerate(lines)
    ]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "multipart/mixed; boundary=cut"}
    return HTTP.post(f"{fake.api_url}/batch/gmail/v1", content="".join(parts) + "--cut--", headers=headers)


def test_batches_answer_each_call_by_itself(fake: Google) -> None:
    token = fake.grant(ADA, *MAIL).access_token
    mail = fake.mailbox(ADA).deliver(b"Subject: one\r\n\r\n")
    base = "GET /gmail/v1/users/me/messages"
    fake.faults.on("GET", "/gmail/v1/users/me/messages/...", call=3, status=429)

    answer = batched(fake, token, f"{base}/{mail}", f"{base}/abc", f"{base}/{mail}?format=raw")

    statuses = [line.split(" ")[1] for line in answer.text.splitlines() if line.startswith("HTTP/1.1")]
    assert (answer.status_code, statuses) == (200, ["200", "404", "429"])
    assert "Content-ID: <response-0>" in answer.text
    assert fake.gmail.quota.spent(ADA) == 40


def test_batches_take_a_hundred_calls_and_only_of_their_api(fake: Google) -> None:
    token = fake.grant(ADA, *MAIL, *CALENDAR).access_token
    profile = f"GET {PROFILE}"

    assert batched(fake, token, *[profile] * 100).status_code == 200
    assert batched(fake, token, *[profile] * 101).status_code == 400
    assert "HTTP/1.1 404" in batched(fake, token, "GET /calendar/v3/users/me/calendarList").text
    assert "HTTP/1.1 401" in batched(fake, "ya29.unknown", profile).text
