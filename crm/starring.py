"""Favourites: records that a member keeps at hand."""

import json
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q

from crm import cells
from crm.edits.changing import CannotEdit, Record, kind_of
from crm.live import announce
from crm.models import Member, Star
from crm.records import RECORD_TYPES
from crm.statements import fetch

MOST_STARS = 100
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Favourite:
    kind: str
    pk: int
    name: str
    url: str

    @property
    def key(self) -> str:
        """As it is announced (see crm.live)."""
        return f"{self.kind}:{self.pk}"

    @property
    def mark(self) -> Any:
        draw = cells.mark if self.kind == "company" else cells.avatar
        return draw(self.pk, self.name)


# What a member `m` has starred, oldest first, as JSON. See `favourites`.
STARS = """(
    SELECT coalesce(json_agg(json_build_object(
               'kind', CASE WHEN s.company_id IS NULL THEN 'person' ELSE 'company' END,
               'pk', coalesce(s.company_id, s.person_id), 'name', coalesce(c.name, p.name)) ORDER BY s.id),
           '[]')::text
    FROM crm_star s
    LEFT JOIN crm_company c ON c.id = s.company_id LEFT JOIN crm_person p ON p.id = s.person_id
    WHERE s.member_id = m.id
)"""


def favourites(member: Member) -> list[Favourite]:
    """Without a query where the member was read with them, as for every page."""
    text: str | None = getattr(member, "starred", None)
    if text is None:
        text = fetch(f"SELECT {STARS} FROM crm_member m WHERE m.id = %(member)s", member=member.pk)[0][0]
    found: list[dict[str, Any]] = json.loads(text)
    slug = member.workspace.slug
    return [Favourite(**one, url=RECORD_TYPES[one["kind"]].url(slug, one["pk"])) for one in found]


def is_starred(member: Member, record: Record) -> bool:
    sought = kind_of(record).name, record.pk
    return any((one.kind, one.pk) == sought for one in favourites(member))


def toggle(record: Record, *, by: Member) -> bool:
    """Returns whether it is a favourite now."""
    if not by.is_active or by.workspace_id != record.workspace_id:
        raise PermissionDenied
    own = Star.objects.filter(member=by)
    with transaction.atomic():
        # Two clicks at once wait for each other.
        Member.objects.select_for_update(no_key=True).get(pk=by.pk)
        announce(by.workspace_id, topics=["favourites"], member_id=by.pk)
        if own.filter(Q(**{kind_of(record).name: record})).delete()[0]:
            return False
        if own.count() >= MOST_STARS:
            raise CannotEdit(f"You have {MOST_STARS} favourites. Take one away first.")
        Star.objects.create(workspace_id=by.workspace_id, member=by, **{kind_of(record).name: record})
    return True
