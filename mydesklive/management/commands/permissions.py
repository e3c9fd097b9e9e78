from typing import Any

from django.core.management.base import BaseCommand

from mydesklive.staff import rights


class Command(BaseCommand):
    help = "Prints the matrix of permissions, as docs/permissions.md has it."

    def handle(self, **options: Any) -> None:
        self.stdout.write(rights.printed(), ending="")
