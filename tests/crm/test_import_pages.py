import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.asgi import get_asgi_application
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from crm.importing import running
from crm.models import Company, ImportState, Member, RecordImport
from crm.room import NO_ROOM, with_words
from tests.conftest import SignIn
from tests.crowded import files_of_at_most
from tests.desk import Desk

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
TEXT = b"Company;Website;Strength\nAcme;acme.example;9\nBirch;;\nMail;gmail.com;\n=cmd;@x;\n"


@pytest.fixture(autouse=True)
def _folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def client(signed_in: SignIn, ben: Member) -> Client:
    return signed_in.as_(ben)


def upload(client: Client, raw: bytes = TEXT, *, slug: str = "halyard") -> Any:
    return client.post(f"/{slug}/companies/import/", {"file": SimpleUploadedFile("list.csv", raw)})


def test_a_file_is_looked_at_corrected_and_imported(
    client: Client, desk: Desk, django_capture_on_commit_callbacks: Any
) -> None:
    url = upload(client).headers["Location"]
    first = client.get(url).content.decode()
    columns = {"column": ["name", "", ""]}
    second = client.post(f"{url}mapping/", columns, headers=HTMX).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"{url}start/")
        client.post(f"{url}start/")
    running = client.get(url).content.decode()

    assert "Import 2 companies" in first and "belongs to no company" in first
    assert "Import 4 companies" in second and "<main" not in second
    job = RecordImport.objects.get()
    assert (job.state, job.columns, job.row_count) == (ImportState.RUNNING, ["name", "", ""], 4)
    assert "0 of 4 rows" in running and 'data-live="import"' in running


def test_what_is_replaced_is_shown_before(client: Client, desk: Desk) -> None:
    Company.objects.create(workspace=desk.workspace, name="Acme", name_key="acme", industry="Roofs")
    rows = b"name,domain,industry,location\nAcme,acme.example,Tiles,Porto\nNew,new.example,,\nNew,,Wood,\n"

    page = client.get(upload(client, rows).headers["Location"]).content.decode()

    assert "1 value that is there already is replaced. An import cannot be undone." in page
    shown = re.sub(r"<[^>]+>|\s+", " ", page[page.index("What is updated") :])
    shown = " ".join(shown.split())
    assert "2 Acme Industry: Roofs becomes → Tiles Location: Porto Domains: acme.example" in shown
    assert "4 New (new in this file) Industry: Wood" in shown


def test_the_result_lists_what_was_not_imported_and_hands_it_back(client: Client, desk: Desk) -> None:
    url = upload(client).headers["Location"]
    client.post(f"{url}start/")
    running.run(RecordImport.objects.get().pk)

    page = client.get(url).content.decode()
    lines = b"".join(client.get(f"{url}problems.csv").streaming_content).decode().splitlines()  # type: ignore[attr-defined]

    assert "list.csv is imported" in page and "Download the rows not imported" in page
    assert "data-live" not in page.split('id="import-state"')[1].split(">")[0]
    assert lines == [
        "line,reason,name,domains,",
        "4,Anybody can have an address at gmail.com: it belongs to no company.,Mail,gmail.com,",
        "5,“@x” is not a domain.,'=cmd,'@x,",
    ]
    assert sorted(Company.objects.values_list("name", flat=True)) == ["Acme", "Birch"]


@pytest.mark.parametrize(
    ("raw", "words"), [(b"", "empty"), (b"PK\x03\x04", "workbook"), (b"x" * (10 * 1024**2 + 1), "10 MB")]
)
def test_a_file_that_is_none_is_refused_in_words(client: Client, desk: Desk, raw: bytes, words: str) -> None:
    answer = upload(client, raw)

    assert (answer.status_code, words in answer.content.decode()) == (200, True)
    assert RecordImport.objects.count() == 0


def test_without_a_column_that_names_the_records_nothing_begins(client: Client, desk: Desk) -> None:
    url = upload(client).headers["Location"]
    shown = client.post(f"{url}mapping/", {"column": ["", "", ""]}, headers=HTMX).content.decode()

    assert "Say which column is the name, or the domains" in shown
    assert client.post(f"{url}start/").status_code == 400


def test_a_file_that_is_discarded_is_gone(client: Client, desk: Desk, tmp_path: Path) -> None:
    url = upload(client).headers["Location"]

    client.post(f"{url}removal/")

    assert (RecordImport.objects.count(), list((tmp_path / "imports").iterdir())) == (0, [])


def test_an_import_is_its_members_own(
    client: Client, signed_in: SignIn, desk: Desk, cleo: Member, dan: Member
) -> None:
    url = upload(client).headers["Location"]

    for member in (cleo, dan):
        theirs = signed_in.as_(member)
        answers = [theirs.get(url), theirs.get(f"{url}problems.csv")]
        answers += [theirs.post(f"{url}{action}/") for action in ("mapping", "start", "removal")]
        assert {one.status_code for one in answers} == {404}
    assert client.get(url.replace("companies", "people")).status_code == 404
    assert RecordImport.objects.get().state == ImportState.DRAFT


def test_a_folder_that_cannot_be_written_is_told(
    client: Client, desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "imports").write_text("no folder at all")

    answer = upload(client)

    assert (answer.status_code, RecordImport.objects.count()) == (200, 0)
    assert NO_ROOM in answer.content.decode()
    assert [(one.levelname, one.getMessage()) for one in caplog.records if one.name == "crm.room"] == [
        ("WARNING", f"Nothing can be kept in {tmp_path}/imports: File exists")
    ]


def test_a_full_disk_is_told_and_nothing_of_the_file_stays(
    client: Client, desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with files_of_at_most(1000):
        answer = upload(client, b"Company\n" + b"Acme\n" * 1000)

    assert (answer.status_code, RecordImport.objects.count()) == (200, 0)
    assert NO_ROOM in answer.content.decode()
    assert list((tmp_path / "imports").iterdir()) == []
    assert f"Nothing can be kept in {tmp_path}/imports: File too large" in caplog.messages


def test_a_disk_that_is_full_before_a_view_knows_of_it_is_told(client: Client, desk: Desk) -> None:
    """What is larger than some megabytes is received on a disk."""
    client.raise_request_exception = False

    with files_of_at_most(1_000_000):
        answer = upload(client, b"Company\n" + b"Acme\n" * 600_000)

    assert (answer.status_code, answer.content.decode()) == (507, NO_ROOM)


def test_a_server_whose_disk_is_full_says_so() -> None:
    sent: list[dict[str, Any]] = []
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * 3_000_000, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def answer() -> None:
        await with_words(get_asgi_application())(scope, receive, send)

    with files_of_at_most(1_000_000):
        asyncio.run(answer())

    assert [one.get("status") for one in sent] == [507, None]
    assert sent[1]["body"].decode() == NO_ROOM
