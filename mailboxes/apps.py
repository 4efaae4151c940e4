from django.apps import AppConfig


class MailboxesConfig(AppConfig):
    name = "mailboxes"
    verbose_name = "Mailboxes"

    def ready(self) -> None:
        from crm.shell import register_progress
        from mailboxes import receivers  # noqa: F401  (connects the signals)
        from mailboxes.progress import IS_READING, backfill_progress

        register_progress("is_reading", is_running=IS_READING, progress=backfill_progress)
