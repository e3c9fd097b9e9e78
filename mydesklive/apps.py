from django.apps import AppConfig


class MydeskliveConfig(AppConfig):
    name = "mydesklive"
    verbose_name = "myDESKlive"

    def ready(self) -> None:
        # Every process that publishes tasks needs the configured Celery app. Checks and receivers register at import.
        from mydesklive import celery, checks  # noqa: F401
        from mydesklive.logs import events, tasks  # noqa: F401
