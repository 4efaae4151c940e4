"""Tests that need a program are skipped, or fail, when it is missing."""

import pytest

from tests.servers.programs import needs


def test_program_that_is_there_is_found():
    assert needs("sh", package="dash").endswith("/sh")


@pytest.mark.parametrize(
    ("setting", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)]
)
def test_missing_program_skips_the_test_and_fails_it_in_ci(monkeypatch, setting, outcome):
    monkeypatch.setenv("CI", setting)

    with pytest.raises(outcome, match="needs no-such-program: apt-get install no-such-package"):
        needs("no-such-program", package="no-such-package")
