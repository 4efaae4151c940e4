from django.db import migrations

# Mailboxes are kept apart in the index itself: looking through those one may read does not touch the
# words of the others. New mail waits in a short list before it is sorted in, which every search reads.
SUBJECTS = """
    CREATE INDEX copy_search ON mailboxes_messagecopy
    USING gin (mailbox_id, crm_words(subject) gin_trgm_ops) WITH (gin_pending_list_limit = 256)
"""
TITLES = """
    CREATE INDEX event_copy_search ON mailboxes_eventcopy
    USING gin (workspace_id, crm_words(title) gin_trgm_ops) WITH (gin_pending_list_limit = 256)
"""
NEWEST = "CREATE INDEX copy_newest ON mailboxes_messagecopy (mailbox_id, occurred_at, id)"
NEAREST = "CREATE INDEX event_copy_nearest ON mailboxes_eventcopy (workspace_id, starts_at, id)"


class Migration(migrations.Migration):
    dependencies = [("mailboxes", "0008_oauth_identity"), ("crm", "0007_search")]

    operations = [
        migrations.RunSQL(SUBJECTS, "DROP INDEX copy_search"),
        migrations.RunSQL(TITLES, "DROP INDEX event_copy_search"),
        migrations.RunSQL(NEWEST, "DROP INDEX copy_newest"),
        migrations.RunSQL(NEAREST, "DROP INDEX event_copy_nearest"),
    ]
