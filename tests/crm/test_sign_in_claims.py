"""What a token says, and which ones say nothing to us."""

import time
from typing import Any

import jwt
import pytest

from crm.signin.claims import Claims, NotSaid, read
from crm.signin.issuers import Issuer

GOOGLE = Issuer("google", "Google", "", "", ("https://g.example", "g.example"), "us", "secret", vouches=True)
MICROSOFT = Issuer("microsoft", "Microsoft", "", "", ("https://m.example/{tenantid}/v2.0",), "us", "secret")


def token(**said: Any) -> str:
    usual = {"iss": "https://g.example", "sub": "113", "aud": "us", "exp": time.time() + 60}
    usual |= {"email": "ann@acme.example", "email_verified": True, "name": "Ann"}
    told = {name: value for name, value in (usual | said).items() if value is not None}
    return jwt.encode(told, "a key that nobody looks at, of enough bytes", "HS256")


def test_a_token_says_who_it_is() -> None:
    assert read(token(), GOOGLE) == Claims("113", "ann@acme.example", "Ann", True)
    assert read(token(iss="g.example"), GOOGLE).subject == "113"


@pytest.mark.parametrize("said", [False, None, "true", 1])
def test_an_address_is_verified_only_where_that_is_said(said: Any) -> None:
    assert read(token(email_verified=said), GOOGLE).is_verified is False


def test_a_tenant_vouches_for_no_address_and_is_part_of_the_subject() -> None:
    said = token(iss="https://m.example/t1/v2.0", tid="t1", email=None, preferred_username="ann@acme.example")

    assert read(said, MICROSOFT) == Claims("t1:113", "ann@acme.example", "Ann", False)


def test_what_no_database_could_store_is_left_out() -> None:
    assert read(token(name="A\0n\ud800n\n", email=["x"]), GOOGLE) == Claims("113", "", "Ann", True)


@pytest.mark.parametrize(
    "said",
    [
        {"aud": "somebody else"},
        {"aud": None},
        {"exp": time.time() - 400},
        {"exp": None},
        {"iss": "https://e.example"},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "1\0"},
        {"sub": "1" * 192},
    ],
)
def test_a_token_for_somebody_else_or_nobody_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(NotSaid):
        read(token(**said), GOOGLE)


@pytest.mark.parametrize(
    "said",
    [
        {"iss": "https://m.example/t1/v2.0", "tid": "t2"},
        {"iss": "https://m.example/t1/v2.0"},
        {"iss": "https://m.example//v2.0", "tid": ""},
        {"iss": "https://m.example//v2.0", "tid": 7},
    ],
)
def test_a_token_of_another_tenant_than_it_says_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(NotSaid):
        read(token(**said), MICROSOFT)


@pytest.mark.parametrize("said", [None, "", "a.b.c", 7])
def test_what_is_no_token_is_refused(said: object) -> None:
    with pytest.raises(NotSaid):
        read(said, GOOGLE)
