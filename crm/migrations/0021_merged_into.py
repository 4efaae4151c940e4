"""Whoever asks for a record that is not there is led to the one it was merged into."""

from django.db import migrations, models
from django.db.models.fields.json import KeyTransform


class Migration(migrations.Migration):
    dependencies = [("crm", "0020_refused_rows")]

    operations = [
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                models.F("workspace"),
                KeyTransform("record", "details"),
                condition=models.Q(action="records_merged"),
                name="audit_of_merge",
            ),
        ),
    ]
