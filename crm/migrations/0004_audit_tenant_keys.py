from django.db import migrations

from crm.tenancy import tenant_key

# What was written down stays as it was written.
KEEP = """
    CREATE FUNCTION crm_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'audit events are never changed'; END $$;
    CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON crm_auditevent
        FOR EACH ROW EXECUTE FUNCTION crm_audit_is_append_only();
"""
FORGET = """
    DROP TRIGGER audit_is_append_only ON crm_auditevent;
    DROP FUNCTION crm_audit_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("crm", "0003_audit_notifications_invitations")]

    operations = [
        tenant_key("crm_auditevent", "owner_id", "crm_member", on_delete="CASCADE"),
        tenant_key("crm_auditevent", "actor_id", "crm_member", on_delete="CASCADE"),
        tenant_key("crm_notification", "member_id", "crm_member", on_delete="CASCADE"),
        tenant_key("crm_invitation", "invited_by_id", "crm_member", on_delete="SET NULL"),
        migrations.RunSQL(KEEP, FORGET),
    ]
