import re
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from crm import invitations
from crm.invitations import Gone, NotForYou, NotInvited, addresses_in, invite, invite_all, renew, revoke
from crm.models import Address, AuditEvent, Invitation, Member, Role, User
from crm.project.celery import app as celery
from crm.tasks import mail_invitation
from crm.workspaces import add_member, deactivate
from tests.conftest import SignIn

pytestmark = pytest.mark.django_db

SETTINGS = "/halyard/settings/workspace/"
NEW = "nora@elsewhere.example"
PASSWORD = "a-long-word-9"


def link(token: str) -> str:
    return f"/accounts/invitations/{token}/"


def invited(by: Member, email: str = NEW, role: Role = Role.MEMBER) -> str:
    return invite(email, role=role, by=by).token


def account(email: str, *, verified: bool = True) -> User:
    user = User.objects.create_user(email, PASSWORD)
    EmailAddress.objects.create(user=user, email=email, verified=verified, primary=True)
    return user


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


# Inviting


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a@x.example", ["a@x.example"]),
        ("a@x.example, b@x.example;c@x.example\nd@x.example", [f"{c}@x.example" for c in "abcd"]),
        ("Ada Byron <a@x.example>, b@x.example", ["a@x.example", "b@x.example"]),
        ("a@x.example b@x.example a@x.example", ["a@x.example", "b@x.example"]),
        (" ,;\n ", []),
    ],
)
def test_addresses_are_read_as_people_paste_them(text: str, found: list[str]) -> None:
    assert addresses_in(text) == found


def test_an_invitation_keeps_a_digest_of_a_long_secret_for_a_week(cleo: Member) -> None:
    before = timezone.now()

    token = invited(cleo, "Nora@Elsewhere.example", Role.ADMIN)

    stored = Invitation.objects.get()
    assert (stored.email, stored.role, stored.invited_by) == (NEW, "admin", cleo)
    assert stored.digest == sha256(token.encode()).hexdigest()
    assert len(token) == 43  # 32 bytes
    assert abs(stored.expires_at - before - timedelta(days=7)) < timedelta(minutes=1)
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.details) == (
        "member_invited",
        cleo,
        {"invitation": stored.pk},
    )


def test_each_bad_address_of_a_batch_is_told_and_the_good_ones_are_invited(
    cleo: Member, ada: Member, ben: Member
) -> None:
    deactivate(ben, by=cleo)
    invited(cleo, "twice@x.example")
    texts = ["nobody", ada.user.email, ben.user.email, "twice@x.example", NEW]

    outcomes = invite_all(texts, role=Role.MEMBER, by=cleo)

    assert [one.problem for one in outcomes] == [
        "“nobody” is not an email address.",
        "ada@halyard.example is a member already.",
        "ben@halyard.example is a deactivated member. Reactivate Ben instead.",
        "twice@x.example is invited already.",
        "",
    ]
    assert set(Invitation.objects.values_list("email", flat=True)) == {"twice@x.example", NEW}


def test_somebody_is_a_member_by_any_verified_address(cleo: Member, ada: Member) -> None:
    EmailAddress.objects.create(user=ada.user, email="ada@home.example", verified=True)
    EmailAddress.objects.create(user=ada.user, email="not@hers.example", verified=False)

    with pytest.raises(NotInvited, match="a member already"):
        invited(cleo, "ada@home.example")
    assert invited(cleo, "not@hers.example")


def test_an_expired_invitation_is_written_anew(cleo: Member) -> None:
    old = invited(cleo, role=Role.ADMIN)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))

    fresh = invited(cleo)

    assert Invitation.objects.get().role == "member"
    assert invitations.find_open(fresh, now=timezone.now()).email == NEW
    with pytest.raises(Gone):
        invitations.find_open(old, now=timezone.now())


def test_a_renewed_link_replaces_the_old_one_and_a_revoked_one_is_gone(cleo: Member) -> None:
    old = invited(cleo)
    invitation = Invitation.objects.get()

    fresh = renew(invitation, by=cleo).token
    assert Client().get(link(old)).status_code == 404
    assert Client().get(link(fresh)).status_code == 200

    revoke(invitation, by=cleo)
    assert Client().get(link(fresh)).status_code == 404
    with pytest.raises(NotInvited):
        renew(Invitation(pk=invitation.pk, workspace=cleo.workspace, email=NEW), by=cleo)
    assert list(AuditEvent.objects.order_by("pk").values_list("action", flat=True)) == [
        "member_invited",
        "invitation_renewed",
        "invitation_revoked",
    ]


def test_only_an_active_admin_of_the_workspace_invites(cleo: Member, ada: Member, dan: Member) -> None:
    invited(cleo)
    invitation = Invitation.objects.get()
    foreign_admin = Member.objects.get(user__email="founder@elsewhere.example")
    former = add_member(cleo.workspace, "former@halyard.example", role=Role.ADMIN)
    deactivate(former, by=cleo)

    for who in (ada, dan, former):
        with pytest.raises(PermissionDenied):
            invite("eve@x.example", role=Role.MEMBER, by=who)
    for who in (ada, foreign_admin, former):
        with pytest.raises(PermissionDenied):
            renew(invitation, by=who)
        with pytest.raises(PermissionDenied):
            revoke(invitation, by=who)
    assert list(Invitation.objects.values_list("email", "digest")) == [(NEW, invitation.digest)]


# The page of the admin


def test_without_mail_the_link_is_shown_once_and_to_nobody_else(cleo: Member, signed_in: SignIn) -> None:
    client = signed_in.as_(cleo)

    answer = client.post(f"{SETTINGS}invitations/", {"emails": f"nobody, {NEW}", "role": "member"})

    shown = re.findall(r"http://testserver(/accounts/invitations/[\w-]{43}/)", answer.content.decode())
    assert len(shown) == 1
    assert Client().get(shown[0]).status_code == 200
    assert "“nobody” is not an email address." in answer.content.decode()
    assert answer["Cache-Control"] == "private, no-store"
    again = client.get(f"{SETTINGS}members/").content.decode()
    assert NEW in again
    assert shown[0] not in again
    assert dict(client.session).keys() == {"_auth_user_id", "_auth_user_backend", "_auth_user_hash"}


def test_with_mail_the_link_travels_by_mail_alone(
    cleo: Member,
    signed_in: SignIn,
    settings: Any,
    mailoutbox: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.EMAIL_URL, settings.PUBLIC_URL = "smtp://mail.test", "https://crm.test"
    monkeypatch.setitem(celery.conf, "task_always_eager", True)
    cleo.workspace.name = "Halyard\nBcc: eve@x.example"
    cleo.workspace.save()

    with django_capture_on_commit_callbacks(execute=True):
        answer = signed_in.as_(cleo).post(
            f"{SETTINGS}invitations/", {"emails": NEW, "role": "member"}, HTTP_HX_REQUEST="true"
        )

    assert answer["HX-Redirect"] == f"{SETTINGS}members/"
    assert answer.content == b""
    (mail,) = mailoutbox
    assert (mail.to, mail.bcc) == ([NEW], [])
    assert mail.subject == "Join Halyard Bcc: eve@x.example in Rapport"
    (path,) = re.findall(r"https://crm\.test(/accounts/invitations/[\w-]{43}/)", mail.body)
    assert Client().get(path).status_code == 200
    assert mail.body.startswith("Cleo (cleo@halyard.example) invites you to join")


def test_a_mail_sent_twice_leaves_the_last_link_and_none_is_sent_once_it_is_over(
    cleo: Member, mailoutbox: list[Any]
) -> None:
    invited(cleo)
    invitation = Invitation.objects.get()
    pk = invitation.pk

    for _ in range(2):
        mail_invitation(pk)
    paths = [re.search(r"/accounts/\S+", mail.body)[0] for mail in mailoutbox]  # type: ignore[index]
    assert [Client().get(path).status_code for path in paths] == [404, 200]

    revoke(invitation, by=cleo)
    mail_invitation(pk)
    assert len(mailoutbox) == 2


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"emails": " , ", "role": "member"}, "Enter at least one email address."),
        ({"emails": " ".join(f"a{n}@x.example" for n in range(51)), "role": "member"}, "at most 50"),
        ({"emails": NEW, "role": "owner"}, "not one of the available choices"),
    ],
)
def test_a_form_that_makes_no_sense_invites_nobody(
    cleo: Member, signed_in: SignIn, data: dict[str, str], says: str
) -> None:
    answer = signed_in.as_(cleo).post(f"{SETTINGS}invitations/", data)

    assert says in answer.content.decode()
    assert not Invitation.objects.exists()


# Whoever opens the link


def test_somebody_new_signs_up_and_is_in(cleo: Member) -> None:
    token = invited(cleo, role=Role.ADMIN)
    client = Client()

    page = client.get(link(token))
    assert (page.status_code, User.objects.filter(email=NEW).exists()) == (200, False)
    answer = client.post(link(token), {"name": "Nora Ek", "password": PASSWORD, "email": "eve@x.example"})

    assert (answer.status_code, answer.url) == (302, "/halyard/companies/")
    assert client.get(answer.url).status_code == 200
    nora = Member.objects.get(user__email=NEW)
    assert (nora.workspace, nora.role, nora.name) == (cleo.workspace, "admin", "Nora Ek")
    assert nora.user.check_password(PASSWORD)
    assert EmailAddress.objects.get(user=nora.user).verified
    assert Address.objects.get(email=NEW).member == nora
    assert AuditEvent.objects.get(action="invitation_accepted").actor == nora
    assert Client().get(link(token)).status_code == 404


@pytest.mark.parametrize("password", ["short", "1234567890123", "nora@elsewhere.example", ""])
def test_a_weak_password_lets_nobody_in(cleo: Member, password: str) -> None:
    token = invited(cleo)

    answer = Client().post(link(token), {"name": "Nora", "password": password})

    assert (answer.status_code, User.objects.filter(email=NEW).exists()) == (200, False)
    assert Client().get(link(token)).status_code == 200


def test_somebody_with_an_account_signs_in_first(cleo: Member) -> None:
    user = account(NEW)
    token = invited(cleo)
    client = Client()

    assert f"/accounts/login/?next={link(token)}" in client.get(link(token)).content.decode()
    client.post(link(token), {"name": "Eve", "password": "another-word-9"})
    user.refresh_from_db()
    assert (user.check_password(PASSWORD), user.memberships.count()) == (True, 0)

    back = client.post(
        f"/accounts/login/?next={link(token)}", {"login": NEW, "password": PASSWORD, "next": link(token)}
    )
    assert back.url == link(token)
    assert client.get(link(token)).status_code == 200
    assert user.memberships.count() == 0
    assert client.post(link(token)).url == "/halyard/companies/"
    assert user.memberships.get().workspace == cleo.workspace


def test_a_sign_up_never_touches_an_account_that_is_there(cleo: Member) -> None:
    token = invited(cleo)
    user = account(NEW, verified=False)

    with pytest.raises(Gone):
        invitations.sign_up(token, name="Eve", password="another-word-9", now=timezone.now())

    user.refresh_from_db()
    assert user.check_password(PASSWORD)


@pytest.mark.parametrize("email", ["dora@x.example", NEW])
def test_only_the_verified_holder_of_the_address_accepts(cleo: Member, email: str) -> None:
    user = account(email, verified=email != NEW)
    token = invited(cleo)

    shown, answer = browser(user).get(link(token)), browser(user).post(link(token))

    assert (shown.status_code, answer.status_code) == (403, 403)
    with pytest.raises(NotForYou):
        invitations.accept(token, user=user, now=timezone.now())
    assert (user.memberships.count(), Invitation.objects.get().accepted_at) == (0, None)


def test_a_second_verified_address_joins_with_the_account_it_is_of(cleo: Member) -> None:
    user = account("dora@x.example", verified=False)
    EmailAddress.objects.create(user=user, email=NEW, verified=True)

    browser(user).post(link(invited(cleo)))

    assert user.memberships.get().workspace == cleo.workspace
    assert not EmailAddress.objects.get(email="dora@x.example").verified
    assert set(Address.objects.filter(member__user=user).values_list("email", flat=True)) == {NEW}


def test_an_address_that_another_account_only_lists_is_still_free(cleo: Member) -> None:
    mallory = account("mallory@x.example")
    EmailAddress.objects.create(user=mallory, email=NEW, verified=False)
    token = invited(cleo)

    Client().post(link(token), {"name": "Nora", "password": PASSWORD})

    assert Member.objects.get(user__email=NEW).user != mallory


def test_a_member_who_is_in_already_keeps_his_role(cleo: Member) -> None:
    token = invited(cleo)
    nora = add_member(cleo.workspace, NEW, role=Role.ADMIN)

    assert browser(nora.user).post(link(token)).url == "/halyard/companies/"

    assert Member.objects.get(pk=nora.pk).role == "admin"
    assert Invitation.objects.get().accepted_at is not None


def test_a_deactivated_member_does_not_let_himself_in_again(cleo: Member) -> None:
    token = invited(cleo)
    nora = add_member(cleo.workspace, NEW)
    deactivate(nora, by=cleo)

    answer = browser(User.objects.get(pk=nora.user_id)).post(link(token))

    assert answer.status_code == 404
    assert not Member.objects.get(pk=nora.pk).is_active
    assert Invitation.objects.get().accepted_at is None


def test_a_used_link_leads_on_whoever_has_joined_by_it_and_nobody_else(cleo: Member, ada: Member) -> None:
    token = invited(cleo)
    client = Client()
    client.post(link(token), {"name": "Nora Ek", "password": PASSWORD})
    nora = Member.objects.get(user__email=NEW)

    again = client.get(link(token))
    assert (again.status_code, again.url) == (302, "/halyard/companies/")
    assert browser(ada.user).get(link(token)).status_code == 404
    deactivate(nora, by=cleo)
    assert browser(User.objects.get(pk=nora.user_id)).get(link(token)).status_code == 404


def test_used_expired_revoked_and_invented_links_look_the_same(cleo: Member) -> None:
    used, expired, revoked = (invited(cleo, f"{name}@x.example") for name in ("a", "b", "c"))
    Client().post(link(used), {"name": "A", "password": PASSWORD})
    Invitation.objects.filter(email="b@x.example").update(expires_at=timezone.now())
    revoke(Invitation.objects.get(email="c@x.example"), by=cleo)

    answers = [Client().get(link(token)) for token in (used, expired, revoked, "x" * 43)]
    posted = [Client().post(link(token), {}) for token in (used, expired, revoked, "x" * 43)]

    assert {one.status_code for one in answers + posted} == {404}
    assert len({one.content for one in answers + posted}) == 1
