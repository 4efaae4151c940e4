"""What passes through an array arrives as it was."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.statements import arrays, fetch

pytestmark = pytest.mark.django_db

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
ODD = st.sampled_from(
    ["", "NULL", "null", " ", "{}", '"', "\\", '\\"', ",", "a,b", "%s", "%(x)s", "\n", "\\x00"]
)


def through(values: list[Any], kind: str) -> list[Any]:
    columns = arrays(((value,) for value in values), "values")
    return [row[0] for row in fetch(f"SELECT u FROM unnest(%(values)s::{kind}[]) u", **columns)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.none() | TEXT | ODD))
def test_text(values: list[str | None]) -> None:
    assert through(values, "text") == values


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.none() | st.binary(max_size=20)))
def test_bytes(values: list[bytes | None]) -> None:
    assert [None if one is None else bytes(one) for one in through(values, "bytea")] == values


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, -5, None, 2**40], "bigint"),
        ([True, False, None], "bool"),
        ([1.5e-300, None, float("inf")], "float8"),
        ([datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), None], "timestamptz"),
        ([date(2026, 1, 2), None], "date"),
        ([], "text"),
    ],
)
def test_other_values(values: list[Any], kind: str) -> None:
    assert through(values, kind) == values


def test_columns_keep_their_rows() -> None:
    columns = arrays([(1, "a"), (2, None)], "numbers", "words")
    rows = fetch("SELECT * FROM unnest(%(numbers)s::int[], %(words)s::text[])", **columns)

    assert rows == [(1, "a"), (2, None)]


@pytest.mark.parametrize("value", [[1], {"a": 1}, object()])
def test_what_is_no_scalar_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        arrays([(value,)], "values")
