from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from agencies.models import Branch
from agencies.openings.holidays import coming_years, load_holidays


class Command(BaseCommand):
    help = "Closes branches on public holidays and patron-saint days of this and the next two years."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--year", type=int, action="append", dest="years", help="Another year; may be given several times."
        )

    def handle(self, *, years: list[int] | None, **options: Any) -> None:
        years = years or [*coming_years(timezone.localdate())]
        created = load_holidays(Branch.objects.all(), years)
        self.stdout.write(f"{created} holidays created for {', '.join(map(str, years))}.")
