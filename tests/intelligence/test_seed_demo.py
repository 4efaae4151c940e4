"""The demo on its way through the product."""

from datetime import UTC, date, datetime, time
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from crm.models import Company, Member, Person, SavedView, Workspace
from crm.records import RECORD_TYPES
from intelligence.demo.building import build
from mailboxes.models import EmailMessage, QuarantinedItem, SyncStream
from tests.conftest import SignIn
from tests.desk import Desk

DAY = date(2026, 11, 24)


def seed(*arguments: str) -> str:
    out = StringIO()
    call_command("seed_demo", *arguments, "--day", DAY.isoformat(), "--scale", "0.05", stdout=out)
    return out.getvalue()


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("intelligence.management.commands.seed_demo.DATA_DIR", tmp_path)
    return tmp_path


@pytest.mark.django_db
def test_seed_demo_reads_everything_in(data_folder):
    said = seed()

    workspace = Workspace.objects.get(slug="halyard")
    expected = build(DAY, scale=0.05)
    assert _stream_states() == {("", 0)}
    assert set(Company.objects.values_list("name", flat=True)) == {one.name for one in expected.companies}
    assert Member.objects.filter(workspace=workspace).count() == 8
    assert Company.objects.exclude(location="").count() > len(expected.companies) / 2
    assert Person.objects.exclude(job_title="").count() > len(expected.people) / 2
    assert "Sign in with the password “halyard-demo” as:\n  ines@halyardstudio.example" in said
    call_command("verify_intelligence", "halyard", stdout=StringIO())


@pytest.mark.django_db
def test_the_views_of_the_demo_open_for_everyone(data_folder, signed_in: SignIn):
    with time_machine.travel(datetime.combine(DAY, time(18), UTC), tick=False):
        seed()
        seed()
        noor = Member.objects.select_related("user").get(user__email__startswith="noor@")
        browser = signed_in.as_(noor)
        shown = {}
        for view in SavedView.objects.all():
            page = browser.get(f"/halyard/{RECORD_TYPES[view.kind].plural}/?view={view.pk}").content.decode()
            shown[view.name] = page.count("<tr data-record")

    assert len(shown) == 4
    assert shown["Warm introductions"] > 0 < shown["I know them best"]


def _stream_states() -> set[tuple[str, int]]:
    """Errors and numbers of quarantined items."""
    return {
        (stream.last_error, QuarantinedItem.objects.filter(stream=stream).count())
        for stream in SyncStream.objects.all()
    }


@pytest.mark.django_db
def test_seed_demo_twice_changes_nothing(data_folder):
    seed("harbour")
    before = EmailMessage.objects.count()

    again = seed("harbour")
    assert again.startswith("The demo workspace “harbour” is there already, with its mail.\nSign in ")
    assert EmailMessage.objects.count() == before > 100


@pytest.mark.django_db
def test_seed_demo_leaves_a_workspace_in_use_alone(data_folder):
    Desk("halyard")

    with pytest.raises(CommandError, match="has mailboxes of its own"):
        seed()
