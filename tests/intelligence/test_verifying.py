"""The second opinion: whatever is stored and wrong is found, and said as it is."""

from collections.abc import Iterator

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import models, transaction
from pytest_django import DjangoDbBlocker

from crm.statements import execute
from crm.workspaces import add_member
from intelligence.models import (
    CompanyConnection,
    CompanyDay,
    CompanyInsight,
    CompanyInteraction,
    Interaction,
    InteractionParty,
    PersonConnection,
    PersonDay,
    PersonInsight,
    PersonInteraction,
)
from intelligence.verifying import differences
from tests.desk import NOW
from tests.intelligence.acme import Acme

pytestmark = pytest.mark.django_db

TABLES: list[type[models.Model]] = [
    Interaction,
    InteractionParty,
    *(CompanyInteraction, CompanyDay, CompanyConnection, CompanyInsight),
    *(PersonInteraction, PersonDay, PersonConnection, PersonInsight),
]
# What a row is about, and not what it says.
KEYS = {"id", "workspace", "kind", "message", "event", "interaction", "address", "company", "person", "day"}
WRONG = {
    models.DateTimeField: "{column} + interval '1 day'",
    models.FloatField: "{column} * 2 + 1",
    models.PositiveIntegerField: "{column} + 1",
    models.BooleanField: "NOT {column}",
    # A colleague who has spoken with nobody.
    models.ForeignKey: "(SELECT id FROM crm_member WHERE user_id = (SELECT id FROM crm_user WHERE name = 'Zed'))",
}


def said() -> Iterator[tuple[type[models.Model], models.Field]]:
    for table in TABLES:
        for field in table._meta.concrete_fields:
            if field.name not in KEYS and not isinstance(field, models.GeneratedField):
                yield table, field


@pytest.fixture(scope="module")
def acme(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Acme]:
    """Three years of it, for all tests of this module."""
    with django_db_blocker.unblock(), transaction.atomic():
        acme = Acme()
        add_member(acme.office.desk.workspace, "zed@halyard.example", name="Zed")
        yield acme
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("table", "field"), [pytest.param(*one, id=f"{one[0].__name__}-{one[1].name}") for one in said()]
)
def test_a_wrong_value_is_found_wherever_it_is_stored(
    acme: Acme, table: type[models.Model], field: models.Field
) -> None:
    column = field.column
    value = next(wrong for kind, wrong in WRONG.items() if isinstance(field, kind)).format(column=column)
    name = table._meta.db_table
    row = f"(SELECT ctid FROM {name} WHERE {column} IS NOT NULL ORDER BY {column} LIMIT 1)"
    workspace = acme.company.workspace_id
    assert list(differences(workspace, now=NOW)) == []

    assert execute(f"UPDATE {name} SET {column} = {value} WHERE ctid = {row}") == 1

    assert len(list(differences(workspace, now=NOW))) >= 1


def test_what_is_wrong_is_said_beside_what_it_should_be(
    acme: Acme, capsys: pytest.CaptureFixture[str]
) -> None:
    right = CompanyInsight.objects.get(company=acme.company)
    CompanyInsight.objects.filter(pk=right.pk).update(last_email_member=None)

    at_that_time = time_machine.travel(NOW, tick=False)  # a meeting that has passed since is told anew
    with at_that_time, pytest.raises(CommandError, match="1 stored answers differ"):
        call_command("verify_intelligence", "halyard")

    line, _ = capsys.readouterr().out.splitlines()
    where, _, found = line.partition(": ")
    stored_row, _, wanted = found.partition(" should be ")
    assert where == f"halyard company:{right.company_id} insight"
    assert f",{right.last_email_member_id}," in wanted
    assert f"{right.last_email_at:%Y-%m-%d %H:%M:%S}" in wanted
    assert f"{right.last_email_at:%Y-%m-%d %H:%M:%S}" in stored_row
