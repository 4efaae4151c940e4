"""Addresses that let their finder in are repeated by nobody."""

import logging

import pytest
from django.test import Client

from crm import invitations
from crm.models import Member, Role, User
from crm.secret_links import WithoutSecrets

pytestmark = pytest.mark.django_db


def invited(by: Member) -> str:
    return invitations.invite("nora@elsewhere.example", role=Role.MEMBER, by=by).token


def test_a_log_line_names_no_link() -> None:
    token = "tRSxADQM3Bp-qSsx3NtoC8_6vT2xADQM3Bp-qSsx3Nt"
    paths = (
        f"/accounts/invitations/{token}/",
        f"/accounts/login/?next=/accounts/invitations/{token}/",
        "/accounts/confirm-email/MQ:1vPqXa:nQ2eTn0Ue3fP9nGwF1wYb0c6Qk7yYh2J/",
        "/accounts/confirm-email/MQ%3A1vPqXa%3AnQ2eTn0Ue3fP9nGwF1wYb0c6Qk7yYh2J/",
        "/halyard/companies/",
    )
    record = logging.LogRecord("django.request", 30, "", 1, " ".join(["%s"] * len(paths)), paths, None)

    WithoutSecrets().filter(record)

    assert record.getMessage().split() == [
        "/accounts/invitations/…/",
        "/accounts/login/",
        "/accounts/confirm-email/…/",
        "/accounts/confirm-email/…/",
        "/halyard/companies/",
    ]


def test_a_page_under_a_secret_address_does_not_tell_it_to_what_it_loads(cleo: Member) -> None:
    """A proxy writes down which page asked for a style sheet."""
    path = invitations.path(invited(cleo))

    policies = [Client().get(one)["Referrer-Policy"] for one in (path, f"/accounts/login/?next={path}")]

    assert policies == ["strict-origin", "strict-origin"]
    assert Client().get("/accounts/login/")["Referrer-Policy"] == "same-origin"


def test_what_django_logs_about_a_refused_guest_names_no_link(
    cleo: Member, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = Client()
    stranger.force_login(
        User.objects.create_user("dora@x.example"), backend="django.contrib.auth.backends.ModelBackend"
    )

    stranger.get(invitations.path(invited(cleo)))

    assert [record.getMessage() for record in caplog.records] == ["Forbidden: /accounts/invitations/…/"]
