"""An import and what happens beside it."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from crm.importing import files, running
from crm.locking import lock_workspace
from crm.models import Company, ImportState, Member, RecordImport
from crm.statements import fetch
from tests.conftest import SignIn
from tests.desk import Desk
from tests.meanwhile import meanwhile

pytestmark = pytest.mark.django_db(transaction=True)

TEXT = b"name,industry\nAcme,Roofs\n"


@pytest.fixture
def job(desk: Desk, ben: Member, settings: Any, tmp_path: Path) -> RecordImport:
    settings.DATA_DIR = tmp_path
    job = RecordImport.objects.create(
        workspace=desk.workspace,
        member=ben,
        kind="company",
        file_name="a.csv",
        columns=["name", "industry"],
        row_count=1,
    )
    files.keep(job, TEXT)
    return job


def test_whoever_imports_can_be_pointed_to_meanwhile(job: RecordImport, ben: Member) -> None:
    """Who holds the workspace's lock, which a batch waits for, writes rows that point to the member."""
    running.begin(job, by=ben, row_count=1)

    point = "SELECT id FROM crm_member WHERE id = %(member)s FOR KEY SHARE NOWAIT"

    meanwhile(
        lambda: lock_workspace(ben.workspace_id),
        lambda: running.run(job.pk),
        then=lambda: fetch(point, member=ben.pk),
    )

    assert RecordImport.objects.get().state == ImportState.DONE
    assert Company.objects.get().industry == "Roofs"


def test_one_that_has_begun_is_neither_changed_nor_thrown_away(
    job: RecordImport, ben: Member, signed_in: SignIn
) -> None:
    client: Client = signed_in.as_(ben)
    url = f"/halyard/companies/import/{job.pk}/"
    running.begin(job, by=ben, row_count=1)

    changed = client.post(f"{url}mapping/", {"column": ["name", ""]}, headers={"HX-Request": "true"})
    client.post(f"{url}removal/")

    assert changed.headers["HX-Redirect"] == url
    assert RecordImport.objects.get().columns == ["name", "industry"]
    assert running.run(job.pk) is False
    assert Company.objects.get().industry == "Roofs"
