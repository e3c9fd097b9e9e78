from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from reports import counting


class Command(BaseCommand):
    help = "Counts all figures of the reports anew from the rows, and settles what the nightly check has found."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{counting.rebuild(now=timezone.now())} rows of figures")
