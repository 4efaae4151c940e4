from django.db import migrations

from crm.tenancy import tenant_key

CASCADE = "CASCADE"


class Migration(migrations.Migration):
    dependencies = [("mailboxes", "0003_access"), ("crm", "0004_audit_tenant_keys")]

    operations = [
        tenant_key("mailboxes_accessgrant", "owner_id", "crm_member", on_delete=CASCADE),
        tenant_key("mailboxes_accessgrant", "mailbox_id", "mailboxes_mailbox", on_delete=CASCADE),
        tenant_key("mailboxes_accessgrant", "company_id", "crm_company", on_delete=CASCADE),
        tenant_key("mailboxes_accessgrant", "person_id", "crm_person", on_delete=CASCADE),
        tenant_key("mailboxes_accessgrant", "thread_id", "mailboxes_thread", on_delete=CASCADE),
        tenant_key("mailboxes_accessgrant", "member_id", "crm_member", on_delete=CASCADE),
        tenant_key("mailboxes_accessgrant", "team_id", "crm_team", on_delete=CASCADE),
        tenant_key("mailboxes_grantcoverage", "grant_id", "mailboxes_accessgrant", on_delete=CASCADE),
        tenant_key("mailboxes_grantcoverage", "address_id", "crm_address", on_delete=CASCADE),
        tenant_key("mailboxes_accessrequest", "thread_id", "mailboxes_thread", on_delete=CASCADE),
        tenant_key("mailboxes_accessrequest", "member_id", "crm_member", on_delete=CASCADE),
        tenant_key("mailboxes_accessrequest", "company_id", "crm_company", on_delete="SET NULL"),
        tenant_key("mailboxes_accessrequest", "person_id", "crm_person", on_delete="SET NULL"),
        tenant_key("mailboxes_accessrequest", "settled_by_id", "crm_member", on_delete="SET NULL"),
        tenant_key("mailboxes_requestedowner", "request_id", "mailboxes_accessrequest", on_delete=CASCADE),
        tenant_key("mailboxes_requestedowner", "owner_id", "crm_member", on_delete=CASCADE),
        tenant_key("mailboxes_blocklistentry", "mailbox_id", "mailboxes_mailbox", on_delete=CASCADE),
        tenant_key(
            "mailboxes_messagecopy", "blocked_by_id", "mailboxes_blocklistentry", on_delete="SET NULL"
        ),
        tenant_key("mailboxes_eventcopy", "blocked_by_id", "mailboxes_blocklistentry", on_delete="SET NULL"),
        tenant_key("mailboxes_skippeditem", "entry_id", "mailboxes_blocklistentry", on_delete=CASCADE),
    ]
