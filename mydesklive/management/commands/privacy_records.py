from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from mydesklive.privacy import records
from mydesklive.privacy.processors import processors, retention


class Command(BaseCommand):
    help = "Writes the record of processing and the template of an impact assessment for this installation."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--folder", type=Path, default=Path("docs"), help="where they are written, by default docs")

    def handle(self, *args: Any, **options: Any) -> None:
        for name, text in records.documents(retention(), processors()).items():
            (options["folder"] / name).write_text(text)
            self.stdout.write(f"{options['folder'] / name}")
