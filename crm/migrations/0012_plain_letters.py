"""Sort keys of names with letters that were left as they are: ø, ł and their like."""

from django.db import migrations

SINGLE, PLAIN = "øłđðıħŧ", "olddiht"
_STATEMENT = f"""
    UPDATE {{table}} SET name_key = left(
        translate(replace(replace(replace(name_key, 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'),
            '{SINGLE}', '{PLAIN}'), 200)
    WHERE name_key ~ '[{SINGLE}æœþ]'
"""


class Migration(migrations.Migration):
    dependencies = [("crm", "0011_bulk_edits")]

    operations = [
        migrations.RunSQL(_STATEMENT.format(table=table), migrations.RunSQL.noop)
        for table in ("crm_company", "crm_person")
    ]
