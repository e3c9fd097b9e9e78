"""How old the oldest due work is, for people and for monitoring that runs commands."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.work import clock
from accounts.work.due import due, lanes


class Command(BaseCommand):
    help = "Shows since when work is due, lane by lane. Exits with code 1 if a lane is late."

    def handle(self, *args: Any, **options: Any) -> None:
        found = due(lanes(), now=timezone.now())
        for one in found:
            patience = one.lane.patience.total_seconds()
            self.stdout.write(
                f"{'late' if one.is_late else 'ok':<5} {one.lane.name:<14} {one.age:>7} s of {patience:.0f}"
            )
        self.stdout.write(f"clock: {clock.told(clock.ahead())}")
        if any(one.is_late for one in found):
            sys.exit(1)
