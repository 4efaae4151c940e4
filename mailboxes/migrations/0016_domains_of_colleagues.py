"""Mail with an address that turned out to be a colleague's was still found as its domain's."""

from django.db import migrations

FOLLOW = """
    UPDATE mailboxes_participant p SET domain = ''
    FROM crm_address a
    WHERE a.id = p.address_id AND a.is_internal AND p.domain <> ''
"""


class Migration(migrations.Migration):
    dependencies = [("mailboxes", "0015_refused_items")]

    operations = [migrations.RunSQL(FOLLOW, migrations.RunSQL.noop)]
