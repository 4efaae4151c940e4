from django.db import models
from django.db.models.functions import Lower


def sorted_text(table: str, field: str) -> models.Index:
    """The index that a table is sorted by a text of its records with; most records have none, and those
    cost nothing."""
    return models.Index(
        "workspace",
        Lower(field),
        "id",
        name=f"{table}_by_{field}",
        condition=~models.Q(**{field: ""}),
    )
