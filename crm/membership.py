"""Whoever asks, as a member of the workspace in the address, with what the frame of every page shows.

One statement by hand: the ORM takes longer to put it together than the server to answer it, and every
request begins with it.
"""

from functools import cache
from typing import Any

from django.db import connection, models

from crm.models import Member, Workspace
from crm.starring import STARS
from crm.statements import fetch
from crm.tables.saved_views import VIEWS

# SQL over a member `m`, by the attribute it becomes.
_SHOWN = {
    "unread": "(SELECT count(*) FROM crm_notification n WHERE n.member_id = m.id AND n.read_at IS NULL)",
    "views": VIEWS,
    "starred": STARS,
}
_STATEMENT = """
    SELECT {columns} FROM crm_member m JOIN crm_workspace w ON w.id = m.workspace_id
    WHERE m.user_id = %(user)s AND w.slug = %(slug)s AND m.is_active
"""


def show(attribute: str, expression: str) -> None:
    """Read `expression` with every membership."""
    _SHOWN[attribute] = expression
    _statement.cache_clear()


def membership(user: Any, slug: str) -> Member | None:
    """None for whoever is no active member there, or nobody at all."""
    if user.pk is None:
        return None
    rows = fetch(_statement(), user=user.pk, slug=slug)
    if not rows:
        return None
    values = iter(rows[0])
    member: Member = _instance(Member, values)
    member.user, member.workspace = user, _instance(Workspace, values)
    for attribute, value in zip(_SHOWN, values, strict=True):
        setattr(member, attribute, value)
    return member


@cache
def _statement() -> str:
    own = [f"m.{field.column}" for field in Member._meta.concrete_fields]
    theirs = [f"w.{field.column}" for field in Workspace._meta.concrete_fields]
    return _STATEMENT.format(columns=", ".join([*own, *theirs, *_SHOWN.values()]))


def _instance(model: type[models.Model], values: Any) -> Any:
    """A row as the ORM would read it."""
    fields = model._meta.concrete_fields
    return model.from_db(
        "default", [one.attname for one in fields], [_read(one, next(values)) for one in fields]
    )


def _read(field: models.Field, value: Any) -> Any:
    convert = getattr(field, "from_db_value", None)
    return convert(value, None, connection) if convert else value
