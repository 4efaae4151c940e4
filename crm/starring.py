"""Favourites: records that a member keeps at hand."""

from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Case, CharField, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce, JSONObject

from crm import cells
from crm.changing import CannotEdit, Record, kind_of
from crm.models import Member, Star
from crm.records import RECORD_TYPES

MOST_STARS = 100
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Favourite:
    kind: str
    pk: int
    name: str
    url: str

    @property
    def mark(self) -> Any:
        draw = cells.mark if self.kind == "company" else cells.avatar
        return draw(self.pk, self.name)


def stars_annotation() -> ArraySubquery:
    """For a queryset of members: what each has starred, oldest first. See `favourites`."""
    kind = Case(
        When(company__isnull=False, then=Value("company")),
        default=Value("person"),
        output_field=CharField(),
    )
    star = JSONObject(
        kind=kind,
        pk=Coalesce("company_id", "person_id"),
        name=Coalesce("company__name", "person__name"),
    )
    return ArraySubquery(Star.objects.filter(member=OuterRef("pk")).order_by("pk").values(star=star))


def favourites(member: Member) -> list[Favourite]:
    """Without a query where the member was read with the annotation, as for every page."""
    found: list[dict[str, Any]] | None = getattr(member, "starred", None)
    if found is None:
        known = Member.objects.annotate(starred=stars_annotation())
        found = known.values_list("starred", flat=True).get(pk=member.pk)
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
        if own.filter(Q(**{kind_of(record).name: record})).delete()[0]:
            return False
        if own.count() >= MOST_STARS:
            raise CannotEdit(f"You have {MOST_STARS} favourites. Take one away first.")
        Star.objects.create(workspace_id=by.workspace_id, member=by, **{kind_of(record).name: record})
    return True
