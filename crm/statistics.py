"""Keep PostgreSQL's picture of our tables true while a first backfill fills them.

Its own upkeep looks once a minute; until then a page may be planned as if the tables were empty, and
take minutes instead of milliseconds.
"""

from crm.statements import execute, fetch

# Tables that hold rows of workspaces and were last looked at when they had less than four times what
# has just come. In big ones it makes no difference, and looking at them would cost seconds.
OUTGROWN = """
    SELECT c.oid::regclass::text FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id' AND NOT a.attisdropped
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.reltuples < %(rows)s::float8 * 4
    ORDER BY c.oid
"""


def gather_statistics(rows: int) -> int:
    """Call when a run has stored `rows` items, each time they have doubled. Returns the number of tables
    that were looked at. One that somebody else is looking at is left to him."""
    tables = [row[0] for row in fetch(OUTGROWN, rows=rows)]
    if tables:
        execute(f"ANALYZE (SKIP_LOCKED) {', '.join(tables)}")
    return len(tables)
