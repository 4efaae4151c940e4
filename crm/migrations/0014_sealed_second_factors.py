"""Secrets of second factors were stored as they are, and are encrypted from here on."""

from collections.abc import Callable

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from crm.sealing import seal, unseal
from crm.second_factors import with_secrets


def seal_all(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    _change_all(apps, lambda secret: seal(secret).decode())


def unseal_all(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    _change_all(apps, unseal)


def _change_all(apps: Apps, change: Callable[[str], str]) -> None:
    for authenticator in apps.get_model("mfa", "Authenticator").objects.all():
        authenticator.data = with_secrets(authenticator.data, change)
        authenticator.save(update_fields=["data"])


class Migration(migrations.Migration):
    dependencies = [("crm", "0013_by_created_at"), ("mfa", "0003_authenticator_type_uniq")]

    operations = [migrations.RunPython(seal_all, unseal_all)]
