"""No row can point across workspaces, whatever the code does: asked of PostgreSQL's own catalogue."""

import pytest
from django.db import IntegrityError, connection, transaction

from crm.models import Company, Member, Person
from crm.statements import execute, fetch
from tests.desk import Desk

pytestmark = pytest.mark.django_db(transaction=False)

TENANT_TABLES = """
    SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind = 'r' AND a.attname = 'workspace_id' AND c.relnamespace = 'public'::regnamespace
"""

# What Django thinks are references, by table and column, whether or not the database has the key.
COMPOSITE_KEYS = """
    SELECT c.conrelid::regclass::text, a.attname, c.confrelid::regclass::text
    FROM pg_constraint c
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey) AND a.attname <> 'workspace_id'
    WHERE c.contype = 'f' AND EXISTS (
        SELECT FROM pg_attribute w WHERE w.attrelid = c.conrelid AND w.attname = 'workspace_id'
        AND w.attnum = ANY(c.conkey)) AND cardinality(c.conkey) = 2
"""


def references() -> set[tuple[str, str, str]]:
    """(table, column, target) of every foreign key of our models between two tenant tables."""
    from django.apps import apps

    tenant = {row[0] for row in fetch(TENANT_TABLES)}
    return {
        (model._meta.db_table, field.column, field.related_model._meta.db_table)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if field.is_relation and field.related_model
        if model._meta.db_table in tenant and field.related_model._meta.db_table in tenant
    }


def test_every_reference_between_tenant_tables_is_a_composite_key() -> None:
    wanted = references()
    keys = set(fetch(COMPOSITE_KEYS))

    assert len(wanted) > 40
    assert wanted - keys == set()


def test_composite_keys_are_real_and_not_merely_declared() -> None:
    rows = fetch("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated")

    assert rows == [(0,)]


def test_a_person_cannot_work_for_a_company_of_another_workspace(desk: Desk, dan: Member) -> None:
    company = Company.objects.create(workspace=dan.workspace, name="Elsewhere", name_key="elsewhere")
    person = Person.objects.create(workspace=desk.workspace, name="Bob", name_key="bob")

    with pytest.raises(IntegrityError), transaction.atomic():
        execute(
            "UPDATE crm_person SET company_id = %(company)s WHERE id = %(person)s",
            company=company.pk,
            person=person.pk,
        )
        connection.check_constraints()
