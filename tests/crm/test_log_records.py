"""What goes wrong is logged without whom it was about."""

import io
import logging
from collections.abc import Iterator
from smtplib import SMTPRecipientsRefused

import pytest
from celery import shared_task
from celery.utils.log import ColorFormatter
from django.core.mail.backends.base import BaseEmailBackend
from django.db import IntegrityError, connection, transaction
from django.test import Client
from uvicorn.logging import AccessFormatter, DefaultFormatter

from crm import tasks
from crm.models import Member, User
from tests.conftest import SignIn

pytestmark = pytest.mark.django_db

NORA = "nora@elsewhere.example"
# With lines of its own, as notes and names can have.
NAME = "Nora SURNAME\nSECOND\n\nTHIRD"
LINE = "%(levelname)s %(name)s: %(message)s"
FORMATTERS = {
    "django": logging.Formatter(LINE),
    "celery": ColorFormatter(LINE, use_color=False),
    "uvicorn": DefaultFormatter("%(levelprefix)s %(message)s", use_colors=False),
}


@pytest.fixture
def nora(db: None) -> User:
    return User.objects.create_user(NORA, "a-long-word-9", name=NAME)


@pytest.fixture(params=FORMATTERS)
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What a log has, whose handler is the one of this or that program."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMATTERS[request.param])
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def break_a_rule(nora: User) -> None:
    """PostgreSQL answers with the whole row."""
    with transaction.atomic():
        User.objects.filter(pk=nora.pk).update(name=None)


@shared_task(ignore_result=True)
def break_it_later(pk: int) -> None:
    break_a_rule(User.objects.get(pk=pk))


def assert_tells_nothing_of(nora: User, text: str) -> None:
    for secret in (NORA, nora.password[:12], "SURNAME", "SECOND", "THIRD", "DETAIL", "Failing row"):
        assert secret not in text


def test_a_refused_row_is_not_in_a_traceback(nora: User, written: io.StringIO) -> None:
    try:
        break_a_rule(nora)
    except IntegrityError as error:
        logging.getLogger("django.request").error("Internal Server Error: %s", error, exc_info=True)

    text = written.getvalue()
    assert_tells_nothing_of(nora, text)
    assert text.count('null value in column "name"') == 3  # the message, the cause, what Django made of it
    assert "The above exception was the direct cause of the following exception" in text
    assert "in break_a_rule" in text


def test_an_error_while_another_is_handled_is_told_after_it(nora: User, written: io.StringIO) -> None:
    try:
        try:
            break_a_rule(nora)
        except IntegrityError:
            raise ValueError("what came of it")  # noqa: B904
    except ValueError:
        logging.getLogger("crm").exception("It went wrong.")

    text = written.getvalue()
    assert_tells_nothing_of(nora, text)
    assert text.endswith("ValueError: what came of it\n")


def test_a_task_that_fails_does_not_log_the_row(nora: User, written: io.StringIO) -> None:
    break_it_later.apply(args=[nora.pk])

    text = written.getvalue()
    assert_tells_nothing_of(nora, text)
    assert "raised unexpected: IntegrityError('null value in column" in text
    assert "in break_a_rule" in text


def test_a_page_that_fails_does_not_log_the_row(
    nora: User, ada: Member, signed_in: SignIn, written: io.StringIO
) -> None:
    browser: Client = signed_in.as_(ada)
    browser.raise_request_exception = False
    is_asked: list[bool] = []

    def refuse(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        if not is_asked:
            is_asked.append(True)
            break_a_rule(nora)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        assert browser.get("/halyard/companies/?q=SURNAME").status_code == 500

    text = written.getvalue()
    assert "Internal Server Error: /halyard/companies/\n" in text
    assert_tells_nothing_of(nora, text)


class RefusingServer(BaseEmailBackend):
    """A mail server that knows none of those who are written to."""

    def send_messages(self, email_messages: list) -> int:  # type: ignore[type-arg]
        raise SMTPRecipientsRefused(dict.fromkeys(email_messages[0].to, (550, b"no such user")))


def test_whom_a_mail_server_refused_is_not_logged(written: io.StringIO, settings: object) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.RefusingServer"  # type: ignore[attr-defined]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.getLogger("celery.app.trace"), "level", logging.INFO)
        tasks.mail_account_change.apply(args=["Your password was changed", "At noon.", NORA])
    try:
        RefusingServer().send_messages([type("Mail", (), {"to": [NORA]})])
    except SMTPRecipientsRefused as error:
        logging.getLogger("crm").exception("Not sent: %s", error)

    text = written.getvalue()
    assert NORA not in text
    assert "retry: Retry in" in text
    assert "raised unexpected: SMTPRecipientsRefused\n" in text
    assert "\nsmtplib.SMTPRecipientsRefused\n" in text
    assert "Not sent: SMTPRecipientsRefused\n" in text
    assert "in send_messages" in text


def test_the_log_of_requests_has_no_queries() -> None:
    stream = io.StringIO()
    handler, access = logging.StreamHandler(stream), logging.getLogger("uvicorn.access")
    handler.setFormatter(AccessFormatter('%(client_addr)s "%(request_line)s" %(status_code)s'))
    paths = (
        "/halyard/search/?q=pat%40acme",
        "/accounts/connections/google/callback/?code=SECRET&state=abc?d",
        "/halyard/companies/",
    )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "handlers", [handler])
        patch.setattr(access, "level", logging.INFO)
        for path in paths:
            access.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:5000", "GET", path, "1.1", 200)

    assert stream.getvalue().splitlines() == [
        f'127.0.0.1:5000 "GET {path} HTTP/1.1" 200 OK'
        for path in ("/halyard/search/", "/accounts/connections/google/callback/", "/halyard/companies/")
    ]


def test_what_django_logs_of_a_request_has_no_query(
    ada: Member, signed_in: SignIn, caplog: pytest.LogCaptureFixture
) -> None:
    browser = signed_in.as_(ada)

    browser.get("/halyard/companies/99999/?q=pat%40acme")
    browser.get("/halyard/companies/?sort=pat%40acme")
    browser.put("/halyard/companies/?q=pat%40acme")
    Client(enforce_csrf_checks=True).post(
        "/accounts/login/?q=pat%40acme", secure=True, headers={"Referer": "https://x.example/?q=pat%40acme"}
    )

    said = [record.getMessage() for record in caplog.records]
    assert len(said) >= 3
    assert [one for one in said if "pat" in one] == []
    assert "Not Found: /halyard/companies/99999/" in said
