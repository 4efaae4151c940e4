from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mailboxes", "0005_fill_participants")]

    operations = [
        migrations.AlterField(model_name="participant", name="occurred_at", field=models.DateTimeField())
    ]
