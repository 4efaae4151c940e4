"""Programs that some tests need and that no Python package brings along."""

import os
import shutil

import pytest

# Where servers live; an ordinary user's PATH leaves it out.
_MORE_FOLDERS = "/usr/local/sbin:/usr/sbin"


def needs(program: str, *, package: str) -> str:
    """Where the program is. Without it the test is skipped, saying how to install it; with CI=true
    it fails, as there a skipped test would go unnoticed."""
    folders = os.environ.get("PATH", os.defpath)
    found = shutil.which(program, path=f"{folders}:{_MORE_FOLDERS}")
    if found:
        return found
    reason = f"needs {program}: apt-get install {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
