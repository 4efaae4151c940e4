from django.apps import AppConfig


class IntelligenceConfig(AppConfig):
    name = "intelligence"
    verbose_name = "Communication intelligence"

    def ready(self) -> None:
        from crm.edits.merging import register_counter
        from crm.exporting import register_settler
        from crm.record_pages import Tab, register_tab
        from intelligence import receivers  # noqa: F401  (connects the signals)
        from intelligence.attributes import register_attributes
        from intelligence.merging import conversation_counts
        from intelligence.refreshing import settle_due_events

        register_tab(Tab("Activity", "", order=0))
        register_tab(Tab("Calendar", "calendar/", order=2))
        register_attributes()
        register_counter(conversation_counts)
        register_settler(lambda workspace_id, now: settle_due_events(workspace_id, now=now))
