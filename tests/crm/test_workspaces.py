import csv
import io
import json
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from crm.exporting import defused
from crm.models import Address, Company, InternalDomain, Member, User, Workspace
from crm.project import settings as project_settings
from crm.starting import require_migrations
from crm.workspaces import add_member, create_workspace, set_active
from tests.conftest import SignIn
from tests.desk import Desk, mail

pytestmark = pytest.mark.django_db

TOUCHES = [
    "first_interaction", "last_interaction", "first_email_interaction", "last_email_interaction",
    "first_calendar_interaction", "last_calendar_interaction", "next_calendar_interaction",
]  # fmt: skip


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_create_workspace_and_add_member_may_be_said_twice() -> None:
    for _ in range(2):
        run(
            "create_workspace",
            "acme",
            "--name",
            "Acme",
            "--admin",
            "Ann@Acme.Example",
            "--password",
            "pw-of-ann",
            "--staff",
        )
        run("add_member", "acme", "bob@acme.example", "--role", "member")

    ann = User.objects.get(email="ann@acme.example")
    assert (ann.is_staff, ann.check_password("pw-of-ann")) == (True, True)
    assert sorted(Member.objects.values_list("user__email", "role")) == [
        ("ann@acme.example", "admin"),
        ("bob@acme.example", "member"),
    ]
    assert list(InternalDomain.objects.values_list("domain", flat=True)) == ["acme.example"]
    assert set(Address.objects.exclude(member=None).values_list("email", flat=True)) == {
        "ann@acme.example",
        "bob@acme.example",
    }
    assert EmailAddress.objects.filter(verified=True).count() == 2


def test_a_founder_at_a_free_mail_provider_brings_no_internal_domain() -> None:
    create_workspace("solo", name="Solo", admin_email="ann@gmail.com")

    assert not InternalDomain.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("create_workspace", "admin", "--name", "A", "--admin", "a@b.example"), "reserved"),
        (("create_workspace", "Admin", "--name", "A", "--admin", "a@b.example"), "reserved"),
        (("create_workspace", "a b", "--name", "A", "--admin", "a@b.example"), "slug"),
        (("create_workspace", "ab", "--name", "A", "--admin", "nobody"), "not an email address"),
        (("add_member", "nowhere", "a@b.example"), "no workspace"),
        (("export_records", "nowhere", "people"), "no workspace"),
        (("verify_intelligence", "nowhere"), "no workspace"),
        (("import_mailbox", "nowhere", "a@b.example"), "no workspace"),
        (("sync_mailbox", "a@b.example"), "No mailbox"),
        (("up", "--port", "99999"), "no port 99999"),
    ],
)
def test_commands_refuse_in_plain_words(arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        run(*arguments)

    assert not Workspace.objects.exists()


def test_the_export_has_every_column_in_order(desk: Desk) -> None:
    desk.put("ada", mail("m1", "ada@halyard.example", "Bob Doe <bob@acme.example>"))
    touches = [part for name in TOUCHES for part in (name, f"{name}_kind", f"{name}_member")]
    smart = [*touches, "connection_strength", "connection_score", "strongest_connection"]

    companies = next(csv.reader(io.StringIO(run("export_records", "halyard", "companies"))))
    people = next(csv.reader(io.StringIO(run("export_records", "halyard", "people"))))

    assert companies == ["id", "name", "domains", *smart]
    assert people == ["id", "name", "email_addresses", "company", *smart]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", " =", "\u00a0=", "\u200b=", "\n@"])
def test_cells_that_could_start_a_formula_are_defused(start: str) -> None:
    assert defused(f"{start}1+1") == f"'{start}1+1"
    assert defused(f"a{start}") == f"a{start}"


def test_a_download_is_what_the_command_prints(desk: Desk, signed_in: SignIn) -> None:
    desk.put("ada", mail("m1", "ada@halyard.example", "=cmd|' /C calc'!A0 <bob@acme.example>"))

    response = signed_in.as_(desk.members["ben"]).get("/halyard/people/export.csv")

    body = b"".join(response).decode()
    assert body.replace("\r\n", "\n") == run("export_records", "halyard", "people").replace("\r\n", "\n")
    assert response["Content-Type"].startswith("text/csv")
    assert response["Cache-Control"] == "private, no-store"


def test_surfaces_name_policy_and_tag_of_every_route() -> None:
    found = {one["route"]: (one["policy"], one["tag"]) for one in json.loads(run("surfaces", "--json"))}

    assert found["/<slug:slug>/companies/"] == ("member", "mail")
    assert found["/health/"] == ("public", "public")
    assert found["/admin/login/"] == ("operator", "no-mail")
    assert found["/accounts/login/"] == ("public", "public")


# Signing in


def test_the_first_to_sign_up_names_the_workspace_and_nobody_else_can(client: Client) -> None:
    given = {"name": "Ann Lee", "email": "ann@acme.example", "password1": "a-long-word-9"}
    signed_up = client.post("/accounts/signup/", given)
    assert (signed_up.status_code, signed_up.url) == (302, "/")
    assert b"Name your workspace" in client.get("/").content

    founded = client.post("/", {"name": "Admin"})  # a reserved word as an address

    assert founded.url == "/admin-2/companies/"
    workspace = Workspace.objects.get()
    assert (workspace.name, workspace.members.get().is_admin) == ("Admin", True)
    # The address has not been verified, so nobody's mail becomes hers.
    assert not Address.objects.exclude(member=None).exists()
    assert workspace.members.get().name == "Ann Lee"
    second = Client().post("/accounts/signup/", given | {"email": "eve@acme.example"})
    assert not User.objects.filter(email="eve@acme.example").exists()
    assert second.status_code == 200


def test_sign_in_is_by_e_mail_and_leaves_no_trail_outside(client: Client) -> None:
    workspace = create_workspace(
        "acme", name="Acme", admin_email="ann@acme.example", password="a-long-word-9"
    )

    answer = client.post(
        "/accounts/login/?next=//evil.example/", {"login": "ANN@acme.example", "password": "a-long-word-9"}
    )
    for path in ("/", f"/{workspace.slug}/companies/"):
        assert client.get(path, follow=True).status_code == 200

    assert answer.url == "/"
    assert "evil" not in answer.url


@pytest.mark.parametrize("target", ["//e.test", "/\\e.test", "https:e.test", "javascript:alert(1)"])
def test_a_foreign_address_is_never_gone_on_to(client: Client, target: str) -> None:
    create_workspace("acme", name="Acme", admin_email="ann@acme.example", password="a-long-word-9")

    answer = client.post(
        f"/accounts/login/?next={target}", {"login": "ann@acme.example", "password": "a-long-word-9"}
    )

    assert answer.url == "/"


def test_posts_without_a_token_change_nothing(desk: Desk) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(desk.members["ben"].user, backend="django.contrib.auth.backends.ModelBackend")

    answer = strict.post("/halyard/companies/columns/", {"column": "domains", "shown": "0"})

    assert answer.status_code == 403
    assert Member.objects.get(pk=desk.members["ben"].pk).table_columns == {}


def test_the_settings_that_keep_accounts_apart_are_what_we_think() -> None:
    assert not settings.SOCIALACCOUNT_EMAIL_AUTHENTICATION
    assert not settings.SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT
    assert not settings.SOCIALACCOUNT_LOGIN_ON_GET
    assert not settings.SOCIALACCOUNT_STORE_TOKENS
    assert settings.SOCIALACCOUNT_REAUTHENTICATION_REQUIRED
    assert settings.SOCIALACCOUNT_PROVIDERS == {
        "issuer": {
            "SCOPE": ["openid", "email", "profile"],
            "AUTH_PARAMS": {"prompt": "select_account"},
            "OAUTH_PKCE_ENABLED": True,
        }
    }
    assert not any(app.startswith("allauth.socialaccount.") for app in settings.INSTALLED_APPS)
    assert settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["script-src"] == ["'self'"]
    assert settings.CACHES["default"]["BACKEND"].endswith("RedisCache")


def test_what_is_said_again_changes_what_is_said_and_nothing_else() -> None:
    create_workspace("acme", name="Acme", admin_email="ann@acme.example")
    InternalDomain.objects.all().delete()  # as an admin may

    run("create_workspace", "acme", "--name", "Acme Ltd", "--admin", "ann@acme.example")
    run("add_member", "acme", "ann@acme.example")

    assert Workspace.objects.get().name == "Acme Ltd"
    assert not InternalDomain.objects.exists()
    assert Member.objects.get().role == "admin"
    with pytest.raises(CommandError, match="last active admin"):
        run("add_member", "acme", "ann@acme.example", "--role", "member")


def test_only_the_first_is_asked_to_sign_up(client: Client) -> None:
    empty = client.get("/accounts/login/").content
    create_workspace("acme", name="Acme", admin_email="ann@acme.example")
    later = client.get("/accounts/login/").content

    assert b"Create an account" in empty
    assert b"Create an account" not in later


def test_without_a_mail_server_a_password_reset_fails_softly(client: Client, settings: Any) -> None:
    create_workspace("acme", name="Acme", admin_email="ann@acme.example")
    settings.EMAIL_BACKEND = project_settings.EMAIL_BACKEND  # pytest-django puts its own in place

    page = client.get("/accounts/password/reset/")
    answer = client.post("/accounts/password/reset/", {"email": "ann@acme.example"})

    assert project_settings.EMAIL_BACKEND.endswith("dummy.EmailBackend")
    assert b"installation" in page.content
    assert answer.status_code == 302


def test_health_says_who_answers(client: Client) -> None:
    answer = client.get("/health/")

    assert answer.status_code == 200
    assert answer.json() == {
        "product": "Rapport",
        "database": True,
        "redis": True,
        "migrated": True,
        "reading_overdue_seconds": 0,
    }


def test_health_says_that_the_database_is_behind(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    require_migrations.cache_clear()
    newest = MigrationRecorder.Migration.objects.filter(app="crm").order_by("-name").first()
    assert newest
    newest.delete()

    answer = client.get("/health/")

    assert (answer.status_code, answer.json()["database"], answer.json()["migrated"]) == (503, True, False)
    assert "python manage.py migrate" in caplog.text


# Operators


def test_operators_change_records_through_the_same_functions(desk: Desk, client: Client) -> None:
    desk.put("ada", mail("m1", "ada@halyard.example", "Bob Doe <bob@acme.example>"))
    operator = User.objects.create_superuser("op@halyard.example")
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    acme = Company.objects.get()

    renamed = client.post(f"/admin/crm/company/{acme.pk}/change/", {"name": "Acme Ltd"})

    assert renamed.status_code == 302
    assert Company.objects.values_list("name", "name_key", "named_by_hand").get() == (
        "Acme Ltd",
        "acme ltd",
        True,
    )
    for path in (
        "",
        "crm/company/",
        "crm/person/",
        "crm/member/",
        "crm/user/",
        "crm/workspace/",
        "crm/team/",
    ):
        assert client.get(f"/admin/{path}").status_code == 200
    assert client.get("/admin/mailboxes/emailmessage/").status_code == 404


def test_the_admin_shows_mailboxes_without_their_secrets(desk: Desk, client: Client) -> None:
    operator = User.objects.create_superuser("op@halyard.example")
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    mailbox = desk.mailboxes["ada"]
    mailbox.credential = b"SECRET"
    mailbox.save()

    page = client.get(f"/admin/mailboxes/mailbox/{mailbox.pk}/change/")

    assert page.status_code == 200
    assert b"SECRET" not in page.content
    assert client.post(f"/admin/mailboxes/mailbox/{mailbox.pk}/change/", {"address": "x"}).status_code == 403


def test_the_admin_takes_a_second_factor_away_and_shows_none(desk: Desk, client: Client) -> None:
    client.force_login(
        User.objects.create_superuser("op@halyard.example"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    factor = Authenticator.objects.create(
        user=desk.members["ada"].user, type=Authenticator.Type.TOTP, data={"secret": "SEALED"}
    )
    page = f"/admin/mfa/authenticator/{factor.pk}"

    shown = client.get(f"{page}/change/").content.decode()
    client.post(f"{page}/delete/", {"post": "yes"})

    assert str(factor.user) in shown
    assert "SEALED" not in shown
    assert not Authenticator.objects.exists()


def test_a_deactivated_member_comes_back_with_his_history(desk: Desk) -> None:
    ada = desk.members["ada"]
    desk.put("ada", mail("m1", "ada@halyard.example", "Bob Doe <bob@acme.example>"))
    acme = Company.objects.select_related("insight").get()
    assert acme.insight.strongest_id == ada.pk

    set_active(ada, active=False)
    acme.insight.refresh_from_db()
    assert (acme.insight.strongest_id, acme.insight.last_email_member_id) == (None, ada.pk)

    add_member(desk.workspace, "ada@halyard.example")
    acme.insight.refresh_from_db()
    assert acme.insight.strongest_id == ada.pk
