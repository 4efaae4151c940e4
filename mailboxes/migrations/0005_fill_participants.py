from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("mailboxes", "0004_access_tenant_keys")]

    operations = [
        migrations.RunSQL(
            """
            UPDATE mailboxes_participant p SET occurred_at = m.occurred_at,
                domain = CASE WHEN a.is_internal OR a.is_freemail THEN '' ELSE a.domain END
            FROM mailboxes_emailmessage m, crm_address a
            WHERE m.id = p.message_id AND a.id = p.address_id
            """,
            migrations.RunSQL.noop,
        )
    ]
