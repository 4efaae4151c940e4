"""What the environment says, and what is made up and kept where it says nothing."""

import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet

BASE_DIR = Path(__file__).resolve().parents[2]
DATA_DIR = Path(os.environ.get("RAPPORT_DATA") or BASE_DIR / ".data").absolute()


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool = False) -> bool:
    return text(name, str(default)).lower() in {"1", "true", "yes", "on"}


def words(name: str, default: str = "") -> list[str]:
    """Separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def kept_secret(name: str, make: str) -> str:
    """The variable, else a secret generated once into the data folder, for its owner alone."""
    return text(name) or _read_or_make(DATA_DIR / name.lower(), make)


def random_text() -> str:
    return secrets.token_urlsafe(50)


def fernet_key() -> str:
    return Fernet.generate_key().decode()


def private_folder(name: str) -> Path:
    """In the data folder, for its owner alone."""
    folder = DATA_DIR / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _read_or_make(path: Path, value: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(value)
    except FileExistsError:
        pass
    return path.read_text()
