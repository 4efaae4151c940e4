from django.db import models

from crm.models.member import Member
from crm.models.workspace import Workspace


class ImportState(models.TextChoices):
    DRAFT = "draft", "Draft"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class RecordImportQuerySet(models.QuerySet["RecordImport"]):
    def of(self, member: Member) -> "RecordImportQuerySet":
        return self.filter(workspace_id=member.workspace_id, member=member)


class RecordImport(models.Model):
    """A table somebody has uploaded, and what became of its rows. The file itself is beside the database,
    until it has been read."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    member = models.ForeignKey(Member, models.CASCADE, related_name="imports", db_constraint=False)
    kind = models.CharField(max_length=10)
    file_name = models.CharField(max_length=200)
    # What each column of the file is, in its order; empty for what is left out.
    columns = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=ImportState.choices, default=ImportState.DRAFT)
    row_count = models.PositiveIntegerField(default=0)
    done_count = models.PositiveIntegerField(default=0)
    created_count = models.PositiveIntegerField(default=0)
    updated_count = models.PositiveIntegerField(default=0)
    unchanged_count = models.PositiveIntegerField(default=0)
    refused_count = models.PositiveIntegerField(default=0)
    # Why it was given up, in words.
    failure = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    started_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True)

    objects = RecordImportQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "id"], name="import_workspace_id")]

    def __str__(self) -> str:
        return self.file_name


class RefusedRow(models.Model):
    """A row of the table that was not imported, as it stood there, and the reason in words."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    record_import = models.ForeignKey(
        RecordImport, models.CASCADE, related_name="refused", db_constraint=False, db_index=False
    )
    line = models.PositiveIntegerField()
    reason = models.TextField()
    cells = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["record_import", "line"], name="row_is_refused_once")]

    def __str__(self) -> str:
        return f"Line {self.line}"
