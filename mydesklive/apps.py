from django.apps import AppConfig


class MydeskliveConfig(AppConfig):
    name = "mydesklive"
    verbose_name = "myDESKlive"

    def ready(self) -> None:
        # Every process that publishes tasks needs the configured Celery app. Checks register themselves at import.
        from mydesklive import celery, checks  # noqa: F401
