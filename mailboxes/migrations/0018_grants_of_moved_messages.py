from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

ONCE = "owner", "mailbox", "company", "person", "thread", "member", "team"


class Migration(migrations.Migration):
    dependencies = [("crm", "0016_stored_words"), ("mailboxes", "0017_organisers_who_left")]

    operations = [
        migrations.RemoveConstraint(model_name="accessgrant", name="grant_once"),
        migrations.AddField(
            model_name="accessgrant",
            name="of_messages",
            field=ArrayField(models.BigIntegerField(), null=True),
        ),
        migrations.AddConstraint(
            model_name="accessgrant",
            constraint=models.UniqueConstraint(
                fields=(*ONCE, "of_messages"), name="grant_once", nulls_distinct=False
            ),
        ),
    ]
