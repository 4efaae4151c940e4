from django.db import migrations

from crm.tenancy import tenant_key

MEMBERS_OF_INSIGHTS = (
    "first_email_member_id",
    "last_email_member_id",
    "first_calendar_member_id",
    "last_calendar_member_id",
    "next_calendar_member_id",
    "strongest_id",
)


def keys_of_kind(kind: str) -> list[migrations.RunSQL]:
    record = (f"{kind}_id", f"crm_{kind}")
    timeline = f"intelligence_{kind}interaction"
    return [
        tenant_key(timeline, "interaction_id", "intelligence_interaction"),
        tenant_key(timeline, "member_id", "crm_member"),
        *(
            tenant_key(f"intelligence_{kind}{table}", *record, on_delete="CASCADE")
            for table in ("interaction", "day", "connection", "insight")
        ),
        tenant_key(f"intelligence_{kind}day", "member_id", "crm_member"),
        tenant_key(f"intelligence_{kind}connection", "member_id", "crm_member"),
        *(tenant_key(f"intelligence_{kind}insight", column, "crm_member") for column in MEMBERS_OF_INSIGHTS),
    ]


class Migration(migrations.Migration):
    dependencies = [("intelligence", "0001_initial"), ("mailboxes", "0002_tenant_keys")]

    operations = [
        tenant_key("intelligence_interaction", "member_id", "crm_member"),
        tenant_key("intelligence_interaction", "message_id", "mailboxes_emailmessage"),
        tenant_key("intelligence_interaction", "event_id", "mailboxes_calendarevent"),
        tenant_key("intelligence_interactionparty", "interaction_id", "intelligence_interaction"),
        tenant_key("intelligence_interactionparty", "address_id", "crm_address"),
        tenant_key("intelligence_interactionparty", "member_id", "crm_member"),
        *keys_of_kind("company"),
        *keys_of_kind("person"),
    ]
