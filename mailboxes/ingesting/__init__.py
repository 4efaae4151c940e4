"""Store what was fetched, once: a page of items is a fixed number of statements."""
