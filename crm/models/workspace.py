from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from crm.plans import Plan

RESERVED_SLUGS = frozenset({"accounts", "admin", "static", "health", "live"})


class AccessLevel(models.IntegerChoices):
    """How much of a message a viewer may see; higher includes lower."""

    METADATA = 1, "Metadata only"
    SUBJECT = 2, "Subject line and metadata"
    FULL = 3, "Full access"


def refuse_reserved_slug(slug: str) -> None:
    if slug.lower() in RESERVED_SLUGS:
        raise ValidationError(f"“{slug}” is reserved. Choose another address for the workspace.")


def default_plan() -> str:
    return settings.DEFAULT_PLAN


class Workspace(models.Model):
    """Holds everything; every row belongs to exactly one, and no query crosses it."""

    slug = models.SlugField(max_length=50, unique=True, validators=[refuse_reserved_slug])
    name = models.CharField(max_length=120)
    plan = models.CharField(max_length=20, choices=Plan.choices, default=default_plan)
    default_level = models.PositiveSmallIntegerField(
        choices=AccessLevel.choices, default=AccessLevel.METADATA
    )
    automatic_creation = models.BooleanField(default=True)
    enhanced_creation = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class InternalDomain(models.Model):
    """A registrable domain whose addresses are colleagues, never contacts."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="internal_domains")
    domain = models.CharField(max_length=253)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "domain"], name="internal_domain_once_per_workspace")
        ]

    def __str__(self) -> str:
        return self.domain
