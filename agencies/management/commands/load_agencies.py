from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, no_translations
from django.db import transaction

from agencies.loading import publications
from agencies.loading.catalogue import Tally, load_agencies
from agencies.loading.tables import DATA, TableError
from agencies.loading.words import FILE, load_words


class Command(BaseCommand):
    help = "Loads agencies, services, branches, openings, search words and published counts. A later run creates what is missing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--folder", type=Path, default=DATA, help="Where the four files are.")
        parser.add_argument("--update", action="store_true", help="Overwrite rows that differ from the files.")

    @no_translations
    def handle(self, *, folder: Path, update: bool, **options: Any) -> None:
        try:
            with transaction.atomic():
                tallies = load_agencies(folder, update=update) | {FILE: load_words(folder)}
                tallies[publications.FILE] = publications.load_publications(folder, update=update)
        except TableError as error:
            raise CommandError("\n".join([*error.errors, "Nothing was loaded."])) from error
        for name, tally in tallies.items():
            self.stdout.write(f"{name}: {_told(tally)}")
        if not any(tally.created or tally.updated for tally in tallies.values()):
            self.stdout.write("Nothing changed.")


def _told(tally: Tally) -> str:
    parts = [f"{tally.created} created", f"{tally.updated} updated", f"{tally.unchanged} unchanged"]
    if tally.kept:
        parts.append(f"{tally.kept} differ and were kept (--update overwrites them)")
    return ", ".join(parts)
