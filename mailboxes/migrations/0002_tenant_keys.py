from django.db import migrations

from crm.tenancy import tenant_key

ITEMS = ("pendingitem", "skippeditem", "quarantineditem")


class Migration(migrations.Migration):
    dependencies = [("mailboxes", "0001_initial"), ("crm", "0002_tenant_keys")]

    operations = [
        tenant_key("mailboxes_mailbox", "member_id", "crm_member"),
        tenant_key("mailboxes_mailboxaddress", "mailbox_id", "mailboxes_mailbox", on_delete="CASCADE"),
        tenant_key("mailboxes_mailboxaddress", "address_id", "crm_address"),
        tenant_key("mailboxes_syncstream", "mailbox_id", "mailboxes_mailbox", on_delete="CASCADE"),
        *(
            tenant_key(f"mailboxes_{item}", "stream_id", "mailboxes_syncstream", on_delete="CASCADE")
            for item in ITEMS
        ),
        tenant_key("mailboxes_emailmessage", "thread_id", "mailboxes_thread"),
        tenant_key("mailboxes_participant", "message_id", "mailboxes_emailmessage"),
        tenant_key("mailboxes_participant", "address_id", "crm_address"),
        tenant_key("mailboxes_messagecopy", "mailbox_id", "mailboxes_mailbox"),
        tenant_key("mailboxes_messagecopy", "message_id", "mailboxes_emailmessage"),
        tenant_key("mailboxes_messagecontent", "copy_id", "mailboxes_messagecopy"),
        tenant_key("mailboxes_calendarsource", "mailbox_id", "mailboxes_mailbox"),
        tenant_key("mailboxes_eventcopy", "event_id", "mailboxes_calendarevent"),
        tenant_key("mailboxes_eventcopy", "mailbox_id", "mailboxes_mailbox"),
        tenant_key("mailboxes_eventcopy", "source_id", "mailboxes_calendarsource"),
        tenant_key("mailboxes_eventcopy", "organiser_id", "crm_address"),
        tenant_key("mailboxes_attendee", "event_id", "mailboxes_calendarevent"),
        tenant_key("mailboxes_attendee", "address_id", "crm_address"),
    ]
