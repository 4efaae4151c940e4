"""JSON batches of Microsoft Graph: up to twenty requests in one, each with an answer of its own."""

import base64
import json
from typing import Any

from tests.fakes.faults import Answer, Request, json_answer
from tests.fakes.graph_api import CONCURRENT, Api, Fields, GraphError, Part, bad

MOST = 20
KNOWN = {"id", "method", "url", "headers", "body", "dependsOn"}
FAILED_DEPENDENCY = {"code": "FailedDependency", "message": "Failed dependency."}


def batch(api: Api, request: Request) -> Answer:
    """The answers come in another order than the requests."""
    try:
        api.authenticate(request)
        if request.method != "POST":
            raise GraphError(405)
        parts = _parts(request)
    except GraphError as error:
        request.detail = error.code
        return error.answer(api.clock.now())
    answers: dict[str, Fields] = {}
    for number, part in enumerate(parts):
        answers[part["id"]] = _answer(request, part, number, parts, answers)
    return json_answer({"responses": list(answers.values())[::-1]})


def _parts(request: Request) -> list[Fields]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise bad("Unsupported content type of a batch.")
    try:
        body = json.loads(request.body)
        parts = body["requests"]
    except (ValueError, KeyError, TypeError):
        raise bad("Invalid batch payload format.") from None
    if not isinstance(parts, list) or not parts:
        raise bad("Invalid batch payload format.")
    if len(parts) > MOST:
        message = f"Number of batch request steps exceeds the maximum value of {MOST}."
        raise bad(message, "MaximumValueExceeded")
    _check(parts)
    return parts


def _check(parts: list[Any]) -> None:
    seen: set[str] = set()
    for part in parts:
        if not isinstance(part, dict) or set(part) - KNOWN or {"id", "method", "url"} - set(part):
            raise bad("Invalid batch payload format.")
        if not isinstance(part["id"], str) or not part["id"] or part["id"].lower() in seen:
            raise bad("Ids of a batch must be text and unique.")
        if "://" in part["url"].partition("?")[0]:
            raise bad("The URL of a request in a batch is relative.")
        if set(part.get("dependsOn", [])) - {one["id"] for one in parts}:
            raise bad("A request depends on one that is not in the batch.")
        seen.add(part["id"].lower())


def _answer(
    request: Request, part: Fields, number: int, parts: list[Fields], answers: dict[str, Fields]
) -> Fields:
    before = [answers[one] for one in part.get("dependsOn", []) if one in answers]
    if any(one["status"] >= 400 for one in before):
        return {"id": part["id"], "status": 424, "headers": {}, "body": {"error": FAILED_DEPENDENCY}}
    assert request.nested
    answer = request.nested(_inner(request, part, _busy(request, number, parts)))
    return {"id": part["id"], "status": answer.status, "headers": answer.headers, "body": _body(answer)}


def _busy(request: Request, number: int, parts: list[Fields]) -> int:
    """Four at a time, next to what else the mailbox is asked; one after the other where told so."""
    in_order = all("dependsOn" in part for part in parts[1:])
    return request.in_flight - 1 + (1 if in_order else number % CONCURRENT + 1)


def _inner(request: Request, part: Fields, busy: int) -> Part:
    headers = {name.lower(): str(value) for name, value in part.get("headers", {}).items()}
    headers = {"authorization": request.headers.get("authorization", "")} | headers
    target = f"/v1.0/{part['url'].lstrip('/')}"
    body = json.dumps(part["body"]).encode() if "body" in part else b""
    return Part(
        request.server, part["method"].upper(), target, headers, body, nested=request.nested, busy=busy
    )


def _body(answer: Answer) -> object:
    if answer.headers.get("Content-Type", "").startswith("application/json"):
        return json.loads(answer.body)
    return base64.b64encode(answer.body).decode()
