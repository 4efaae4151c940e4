"""Record creation looks at addresses that nobody is known by with every page of mail."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("crm", "0018_looked_through")]

    operations = [
        migrations.AddIndex(
            model_name="address",
            index=models.Index(
                fields=["workspace", "domain"],
                name="address_unknown",
                condition=Q(person__isnull=True, is_internal=False) & ~Q(kind="automated"),
            ),
        ),
        migrations.AddIndex(
            model_name="address",
            index=models.Index(
                fields=["workspace", "domain"],
                name="address_contacted",
                condition=Q(is_contacted=True, is_internal=False),
            ),
        ),
    ]
