"""How many texts hold a word decides how a table is read. Of a hundred of them, as PostgreSQL keeps, none may
hold a word that is in one of seventy."""

from django.db import migrations

LOOKED_THROUGH = (
    ("crm_company", "name_words"),
    ("crm_person", "name_words"),
    ("crm_companydomain", "domain"),
    ("crm_address", "email"),
)


class Migration(migrations.Migration):
    dependencies = [("crm", "0017_sessions_ended_by_default")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 500",
            f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS -1",
        )
        for table, column in LOOKED_THROUGH
    ]
