from django.apps import AppConfig


class IntelligenceConfig(AppConfig):
    name = "intelligence"
    verbose_name = "Communication intelligence"

    def ready(self) -> None:
        from intelligence import receivers  # noqa: F401  (connects the signals)
