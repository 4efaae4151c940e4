"""What people and workspaces are called is one line of what can be seen, whoever asks for it."""

import pytest
from django import forms
from django.core import mail as post
from django.test import Client

from crm import notifying
from crm.models import AccessLevel, Member, Notification, User, Workspace
from crm.name_field import NameField
from mailboxes.models import Thread
from mailboxes.sharing.requesting import ask
from tests.desk import Desk, mail

pytestmark = pytest.mark.django_db

NASTY = "Ada\r\nBcc: everybody@x.example \u202eBen\u2066"
TIDY = "Ada Bcc: everybody@x.example Ben"


def test_it_is_tidied_and_has_something_to_read() -> None:
    field = NameField(label="Name")

    assert field.clean(NASTY) == TIDY
    for empty in ("", " \n ", "—", "\u202e"):
        with pytest.raises(forms.ValidationError):
            field.clean(empty)


def test_signing_up_and_founding_take_no_other(client: Client) -> None:
    signing_up = {"name": NASTY, "email": "ada@halyard.example", "password1": "slate-roof-and-chimney"}
    client.post("/accounts/signup/", signing_up)
    client.post("/", {"name": f"{NASTY} Ltd"})

    assert User.objects.get().name == TIDY
    assert Workspace.objects.get().name == f"{TIDY} Ltd"


def test_a_name_from_elsewhere_does_not_stop_a_notice(desk: Desk, ada: Member, ben: Member) -> None:
    User.objects.filter(pk=ben.user_id).update(name="Ben\nof Halyard")
    desk.put("ada", mail("1@x", "ada@halyard.example", "bob@acme.example"))
    ask(Thread.objects.get(), by=ben, level=AccessLevel.FULL)

    notifying.mail(Notification.objects.get(member=ada).pk)

    assert post.outbox[-1].subject.startswith("Ben of Halyard ")
