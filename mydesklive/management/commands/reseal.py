from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.identities import recounting
from accounts.sealing.rotation import renew, sealed_columns
from appointments.booking import persons


class Command(BaseCommand):
    help = "Seals with DATA_KEY what the keys in DATA_KEY_FALLBACKS have sealed, and counts people by it."

    def handle(self, *args: Any, **options: Any) -> None:
        columns = [renew(model, field) for model, field in sealed_columns()]
        for column in columns:
            self.stdout.write(f"{column.name}: {column.renewed} sealed anew, {column.unreadable} not readable")
        self.stdout.write(f"People counted anew: {persons.recount()} appointments, {recounting.recount()} identities")
        if any(column.unreadable for column in columns):
            raise CommandError("Some values were sealed with none of the keys. Add their key to DATA_KEY_FALLBACKS.")
        if settings.DATA_KEY_FALLBACKS:
            self.stdout.write(
                "Run it once more after the last process with the old DATA_KEY has ended, then remove the old key."
            )
