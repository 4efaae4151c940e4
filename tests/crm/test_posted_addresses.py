"""What a form is sent to, come to by itself: Back to a refused form, or its address in a new tab."""

import re

import pytest

from crm.models import Member
from crm.surfaces import surfaces
from tests.conftest import SignIn
from tests.desk import Desk

NEW = ["/halyard/companies/creation/", "/halyard/settings/workspace/teams/creation/"]
SENT = [
    *NEW,
    "/halyard/settings/workspace/invitations/",
    "/halyard/views/people/",
    "/halyard/mailboxes/servers/",
]


@pytest.mark.parametrize("address", SENT)
def test_it_leads_to_the_form(cleo: Member, signed_in: SignIn, address: str) -> None:
    answer = signed_in.as_(cleo).get(address, follow=True)

    [(form, _)] = answer.redirect_chain
    assert form in (f"{address}form/", f"{address}new/")
    assert answer.status_code == 200
    assert "<form" in answer.text


def test_the_form_knows_what_it_was_for(cleo: Member, signed_in: SignIn) -> None:
    answer = signed_in.as_(cleo).get("/halyard/people/creation/?company_id=7")

    assert answer.url == "/halyard/people/creation/form/?company_id=7"


@pytest.mark.parametrize("address", NEW)
def test_a_refused_form_is_shown_there(cleo: Member, signed_in: SignIn, address: str) -> None:
    refused = signed_in.as_(cleo).post(address, {"name": ""})

    assert refused.status_code in (200, 422)
    assert "<form" in refused.text


def test_an_address_without_a_form_says_so(cleo: Member, signed_in: SignIn) -> None:
    answer = signed_in.as_(cleo).get("/halyard/notifications/reading/")

    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "There is nothing to show here" in answer.text


def test_no_address_of_ours_answers_with_an_empty_page(desk: Desk, cleo: Member, signed_in: SignIn) -> None:
    client = signed_in.as_(cleo)
    values = {
        "<slug:slug>": "halyard",
        "<plural:plural>": "companies",
        "<slug:kind>": "google",
        "<slug:name>": "name",
    }
    refused = 0
    for one in surfaces():
        path = re.sub("<[^>]+>", lambda part: values.get(part[0], "1"), one.route)
        if one.route.startswith("/<slug:slug>/") and (answer := client.get(path)).status_code == 405:
            assert answer.text.startswith("<!doctype html>") or "<html" in answer.text, path
            refused += 1

    assert refused > 20


@pytest.mark.parametrize("address", ["/health/", "/halyard/companies/", "/halyard/people/export.csv"])
def test_whether_a_page_is_there_can_be_asked_without_it(
    desk: Desk, cleo: Member, signed_in: SignIn, address: str
) -> None:
    client = signed_in.as_(cleo)

    assert client.get(address).status_code == 200
    assert client.head(address).status_code == 200
