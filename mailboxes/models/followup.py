from django.db import models

from crm.models import Workspace


class FollowUpKind(models.TextChoices):
    CREATION = "creation", "When records are made"
    INTERNAL_DOMAIN = "internal_domain", "Which domains are internal"
    ORGANISERS = "organisers", "Who is here to keep a calendar up to date"


class FollowUp(models.Model):
    """What an admin has decided and what is stored does not follow yet. Gone once it does: the queue may lose
    a task, and this not."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=FollowUpKind.choices)
    domain = models.CharField(max_length=253, default="", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.domain}".strip()
