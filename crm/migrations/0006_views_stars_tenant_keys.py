from django.db import migrations

from crm.tenancy import tenant_key


class Migration(migrations.Migration):
    dependencies = [("crm", "0005_attributes_views_stars_deletions")]

    operations = [
        tenant_key("crm_deletion", "member_id", "crm_member", on_delete="CASCADE"),
        tenant_key("crm_savedview", "owner_id", "crm_member", on_delete="SET NULL"),
        tenant_key("crm_star", "member_id", "crm_member", on_delete="CASCADE"),
        tenant_key("crm_star", "company_id", "crm_company", on_delete="CASCADE"),
        tenant_key("crm_star", "person_id", "crm_person", on_delete="CASCADE"),
    ]
