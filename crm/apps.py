from django.apps import AppConfig


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = "Records"

    def ready(self) -> None:
        from crm import (
            accounts,  # noqa: F401  (connects the signals)
            log_records,  # noqa: F401  (says what logs are made of)
        )
        from crm.edits import announcing  # noqa: F401  (connects the signals)
        from crm.record_pages import Tab, register_tab
        from crm.search.sources import register_sources
        from crm.tables import own_columns  # noqa: F401  (registers the columns)

        register_tab(Tab("People", "people/", order=3, kinds=("company",)))
        register_sources()
