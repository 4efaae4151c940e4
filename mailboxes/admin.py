"""What operators may look at: how reading is going. No mail, no events, no credentials."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from crm.admin import ReadOnly
from mailboxes.models import Mailbox, SyncStream


class StreamInline(ReadOnly, admin.TabularInline):
    model = SyncStream
    fields = (
        "kind",
        "due_at",
        "lease_until",
        "failures",
        "failing_since",
        "last_error",
        "done",
        "total",
        "last_run_at",
    )


@admin.register(Mailbox)
class MailboxAdministration(ReadOnly, admin.ModelAdmin):
    list_display = ("address", "member", "workspace", "kind", "state", "kept_aside")
    list_filter = ("workspace", "kind", "state")
    list_select_related = ("member__user", "workspace")
    search_fields = ("address",)
    fields = (
        "workspace",
        "member",
        "kind",
        "address",
        "state",
        "default_level",
        "history_from",
        "created_at",
    )
    inlines = (StreamInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mailbox]:
        return super().get_queryset(request).annotate(aside=Count("streams__quarantineditems"))

    @admin.display(description="quarantined", ordering="aside")
    def kept_aside(self, mailbox: Any) -> int:
        return mailbox.aside
