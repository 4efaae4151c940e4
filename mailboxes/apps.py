from django.apps import AppConfig


class MailboxesConfig(AppConfig):
    name = "mailboxes"
    verbose_name = "Mailboxes"

    def ready(self) -> None:
        from crm.health import register_measure
        from crm.membership import show
        from crm.notifying import register_kind
        from crm.record_pages import Tab, register_tab
        from crm.shell import register_progress
        from mailboxes import receivers  # noqa: F401  (connects the signals)
        from mailboxes.correspondence.searching import register_sources
        from mailboxes.leasing import seconds_overdue
        from mailboxes.progress import IS_READING, backfill_progress
        from mailboxes.sharing import telling

        register_kind("access_requested", telling.requested)
        register_kind("access_approved", telling.approved)
        register_kind("access_declined", telling.declined)
        register_kind("needs_reconnect", telling.needs_reconnect)
        register_kind("keeps_failing", telling.keeps_failing)
        register_tab(Tab("Emails", "emails/", order=1))
        register_sources()
        show("is_connected", "EXISTS (SELECT FROM mailboxes_mailbox b WHERE b.member_id = m.id)")
        register_progress("is_reading", is_running=IS_READING, progress=backfill_progress)
        register_measure("reading_overdue_seconds", seconds_overdue)
