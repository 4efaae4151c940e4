from django.db import migrations, models


class Migration(migrations.Migration):
    """What is still running while an update is on its way does not know the column."""

    dependencies = [("crm", "0016_stored_words")]

    operations = [
        migrations.AlterField(
            "user",
            "sessions_ended",
            models.PositiveIntegerField(default=0, db_default=0, editable=False),
        ),
    ]
