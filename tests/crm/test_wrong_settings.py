"""A wrong setting is told at the start, by every process, in words."""

import os
import subprocess
import sys
import tempfile
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.conf import settings

from crm.project import checking
from crm.project.checking import problems, remarks
from tests.servers.certificate import write_certificate

KEY = urlsafe_b64encode(bytes(range(32))).decode()
NOBODY = 65534
PROCESSES = {
    "web": "uvicorn crm.project.asgi:application --port 0 --lifespan off",
    "webs": "uvicorn crm.project.asgi:application --port 0 --lifespan off --workers 2",
    "worker": "celery -A crm.project worker --concurrency 1",
    "beat": "celery -A crm.project beat",
}


def named(*, of: list[str]) -> list[str]:
    return [one.split()[0].rstrip(":") for one in of]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CREDENTIAL_KEYS", "SECRET"),
        ("CREDENTIAL_KEYS", f"{KEY},{KEY[:-4]}"),
        ("CREDENTIAL_KEYS", "ключ"),
        ("PUBLIC_URL", "crm.example.com"),
        ("PUBLIC_URL", "crm.example.com:8000"),
        ("PUBLIC_URL", "https:/crm.example.com"),
        ("PUBLIC_URL", "https://"),
        ("PUBLIC_URL", "ftp://crm.example.com"),
        ("PUBLIC_URL", "https://crm.example.com:port"),
        ("DEFAULT_PLAN", "gold"),
        ("EMAIL_URL", "smtp.example.com:587"),
        ("EMAIL_URL", "smtpx://smtp.example.com"),
        ("EMAIL_URL", "smtp:smtp.example.com"),
        ("EMAIL_URL", "smtp://user:SECRET/2@smtp.example.com"),
        ("EGRESS_CA_FILE", "/nowhere/SECRET.pem"),
        ("EGRESS_CA_FILE", __file__),
        ("REDIS_URL", "http://localhost:6379"),
        ("REDIS_URL", "localhost:6379"),
        ("DATABASE_URL", "mysql://user:SECRET@localhost/rapport"),
        ("DATABASE_URL", "localhost/rapport"),
        ("DATABASE_URL", "postgresql://user:SECRET#2@localhost/rapport"),
    ],
)
def test_what_cannot_be_meant_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)

    said = problems()

    assert named(of=said) == [name]
    assert ("SECRET" in said[0]) == (name == "EGRESS_CA_FILE" and "SECRET" in value)


def test_what_is_meant_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority, _ = write_certificate(tmp_path)
    written = {
        "CREDENTIAL_KEYS": [KEY, f"{KEY}, {Fernet.generate_key().decode()}", ""],
        "PUBLIC_URL": ["https://crm.example.com/", "http://127.0.0.1:8000", "http://[::1]:80", ""],
        "EMAIL_URL": [
            "smtp://u%40x:p%2Fw@host:587/?tls=True",
            "submission://host",
            "console://",
            "console:",
            "smtp://",
            "",
        ],
        "EGRESS_CA_FILE": [str(authority), ""],
        "REDIS_URL": ["redis://:pass@host:6379/0", "rediss://host", "unix:///run/redis.sock?db=1", ""],
        "DATABASE_URL": ["postgres://u:p@host:5432/name", "postgresql:///name", "pgsql://%2Frun/name", ""],
    }
    for name, values in written.items():
        for value in values:
            monkeypatch.setenv(name, value)
            assert (name, value, problems()) == (name, value, [])


def test_a_short_secret_is_remarked_upon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has worked so far, so it ends nothing."""
    monkeypatch.setenv("SECRET_KEY", "SECRET")
    assert problems() == []
    assert named(of=list(remarks())) == ["SECRET_KEY"]
    assert "SECRET " not in " ".join(remarks()).replace("SECRET_KEY", "")

    monkeypatch.setenv("DEBUG", "true")
    assert list(remarks()) == []
    monkeypatch.setenv("DEBUG", "false")
    for long_enough in ("x" * 32, ""):
        monkeypatch.setenv("SECRET_KEY", long_enough)
        assert list(remarks()) == []


def run(
    command: str, data: Path, *, user: int | None = None, **written: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *command.split()],
        cwd=settings.BASE_DIR,
        env={**kept, "RAPPORT_DATA": str(data), "PYTHONDONTWRITEBYTECODE": "1", **written},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", [*(f"-m {one}" for one in PROCESSES.values()), "manage.py migrate"])
def test_every_process_ends_with_the_words_and_starts_nothing(command: str, tmp_path: Path) -> None:
    done = run(command, tmp_path, PUBLIC_URL="crm.example.com", CREDENTIAL_KEYS="SECRET")

    # With several workers uvicorn ends too, but says that all is well.
    assert done.returncode == (0 if "--workers" in command else 3)
    assert "This cannot start:\n  CREDENTIAL_KEYS: number 1 is no Fernet key." in done.stderr
    assert "\n  PUBLIC_URL is no address of a site." in done.stderr
    assert "Traceback" not in done.stderr
    assert "SECRET" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_data_that_is_no_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "DATA_DIR", tmp_path)
    (tmp_path / "imports").write_text("")

    (said,) = remarks()

    assert said.startswith(f"RAPPORT_DATA: {tmp_path}/imports is no folder.")


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming somebody else takes root")
@pytest.mark.parametrize("locked", ["", "incoming", "imports", "uploads", "uploads/incoming"])
def test_a_folder_of_somebody_else_is_named(locked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as name:
        data = Path(name)
        monkeypatch.setattr(checking, "DATA_DIR", data)
        (data / "uploads" / "incoming").mkdir(parents=True)
        for one in (data, data / "uploads", data / "uploads" / "incoming", data / locked):
            one.mkdir(exist_ok=True)
            one.chmod(0o777)
        (data / locked).chmod(0o755)
        os.seteuid(NOBODY)
        try:
            said = list(remarks())
        finally:
            os.seteuid(0)

    assert [one.partition(". ")[0] for one in said] == [
        f"RAPPORT_DATA: user {NOBODY}, as whom this runs, cannot write to {data / locked}"
    ]


def test_with_nothing_set_nothing_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CREDENTIAL_KEYS", "SECRET_KEY", "PUBLIC_URL", "EMAIL_URL", "REDIS_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)

    assert (problems(), list(remarks())) == ([], [])
