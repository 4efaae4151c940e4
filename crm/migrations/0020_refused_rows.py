"""Refused rows are rows: an import does not read and write all of them anew with every batch. What was
refused before is a day old at most, and goes."""

import django.db.models.deletion
from django.db import migrations, models

from crm.tenancy import tenant_key


class Migration(migrations.Migration):
    dependencies = [("crm", "0019_unknown_addresses")]

    operations = [
        migrations.RemoveField(model_name="recordimport", name="problems"),
        migrations.AddField(
            model_name="recordimport",
            name="failure",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="recordimport",
            constraint=models.UniqueConstraint(fields=["workspace", "id"], name="import_workspace_id"),
        ),
        migrations.CreateModel(
            name="RefusedRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("line", models.PositiveIntegerField()),
                ("reason", models.TextField()),
                ("cells", models.JSONField()),
                (
                    "record_import",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="refused",
                        to="crm.recordimport",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="crm.workspace"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["record_import", "line"], name="row_is_refused_once")
                ],
            },
        ),
        tenant_key("crm_refusedrow", "record_import_id", "crm_recordimport", on_delete="CASCADE"),
    ]
