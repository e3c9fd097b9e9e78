from django.apps import AppConfig


class MydeskliveConfig(AppConfig):
    name = "mydesklive"
    verbose_name = "myDESKlive"

    def ready(self) -> None:
        # Tasks that any process publishes need the configured Celery app, and checks register when imported.
        from mydesklive import celery, checks  # noqa: F401
