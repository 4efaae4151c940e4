from django.apps import AppConfig


class CrmConfig(AppConfig):
    name = "crm"
    verbose_name = "Records"

    def ready(self) -> None:
        from crm import (  # noqa: F401  (connects the signals, registers the columns)
            accounts,
            announcing,
            own_columns,
        )
        from crm.record_pages import Tab, register_tab
        from crm.search_sources import register_sources

        register_tab(Tab("People", "people/", order=3, kinds=("company",)))
        register_sources()
