from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mailboxes", "0018_grants_of_moved_messages")]

    operations = [
        migrations.AddField(
            "accessrequest",
            "scope",
            models.CharField(
                max_length=10,
                default="thread",
                db_default="thread",
                choices=[
                    ("thread", "This thread"),
                    ("record", "All my emails with this record"),
                    ("mailbox", "Everything in this mailbox"),
                ],
            ),
        ),
    ]
