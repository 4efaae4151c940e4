from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("crm", "0014_sealed_second_factors")]

    operations = [
        migrations.AddField("user", "sessions_ended", models.PositiveIntegerField(default=0, editable=False)),
    ]
