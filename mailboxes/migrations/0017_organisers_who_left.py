"""Events whose organiser has left are looked at again by a worker, within minutes."""

from django.db import migrations, models

KINDS = [
    ("creation", "When records are made"),
    ("internal_domain", "Which domains are internal"),
    ("organisers", "Who is here to keep a calendar up to date"),
]
LOOK_AGAIN = """
    INSERT INTO mailboxes_followup (workspace_id, kind, domain, created_at)
    SELECT DISTINCT m.workspace_id, 'organisers', '', now() - interval '1 day'
    FROM crm_member m WHERE NOT m.is_active
"""


class Migration(migrations.Migration):
    dependencies = [("mailboxes", "0016_domains_of_colleagues")]

    operations = [
        migrations.AlterField("followup", "kind", models.CharField(max_length=20, choices=KINDS)),
        migrations.RunSQL(LOOK_AGAIN, migrations.RunSQL.noop),
    ]
