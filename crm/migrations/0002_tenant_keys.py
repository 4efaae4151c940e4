from django.db import migrations

from crm.tenancy import tenant_key


class Migration(migrations.Migration):
    dependencies = [("crm", "0001_initial")]

    operations = [
        tenant_key("crm_teammembership", "team_id", "crm_team", on_delete="CASCADE"),
        tenant_key("crm_teammembership", "member_id", "crm_member", on_delete="CASCADE"),
        tenant_key("crm_companydomain", "company_id", "crm_company", on_delete="CASCADE"),
        tenant_key("crm_person", "company_id", "crm_company", on_delete="SET NULL"),
        tenant_key("crm_address", "person_id", "crm_person", on_delete="SET NULL"),
        tenant_key("crm_address", "member_id", "crm_member"),
    ]
