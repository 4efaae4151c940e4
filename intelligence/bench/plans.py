"""What EXPLAIN says a piece of work reads, statement by statement."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.statements import fetch

READS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
# Below this a table is a page or two, and reading all of it is what the planner should do.
FEW_ROWS = 1000

Plan = dict[str, Any]


def plans_of(work: Callable[[], object]) -> list[Plan]:
    """The plans of all it asks, planned anew once it is done, for the very values it asked with."""
    with CaptureQueriesContext(connection) as captured:
        work()
    statements = [one["sql"].strip() for one in captured]
    return [_explain(statement) for statement in statements if statement.startswith(READS)]


def indexes(plan: Plan) -> set[str]:
    return {node["Index Name"] for node in _nodes(plan) if "Index Name" in node}


def whole_tables(plan: Plan) -> set[str]:
    """Tables of more than a few rows that are read from end to end."""
    scanned = {node["Relation Name"] for node in _nodes(plan) if node["Node Type"] == "Seq Scan"}
    large = "SELECT relname FROM pg_class WHERE relname = ANY(%(names)s) AND reltuples > %(few)s"
    return {row[0] for row in fetch(large, names=list(scanned), few=FEW_ROWS)}


def _explain(statement: str) -> Plan:
    found = fetch(f"EXPLAIN (FORMAT JSON) {statement}".replace("%", "%%"))[0][0]
    return (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]


def _nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for below in plan.get("Plans", []):
        yield from _nodes(below)
