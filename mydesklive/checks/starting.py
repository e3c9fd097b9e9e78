"""A process with a wrong configuration does not start."""

import sys

from django.core.checks import run_checks

from mydesklive.checks.places import CONFIGURATION


def refuse_if_wrong() -> None:
    """Ends the process with code 1, and prints each error with what to set. Warnings end nothing."""
    errors = [message for message in run_checks(tags=[CONFIGURATION]) if message.is_serious()]
    if not errors:
        return
    lines = [f"  {error.id}: {error.msg}\n      {error.hint}" for error in errors]
    print("myDESKlive does not start. Its configuration is wrong:", *lines, sep="\n", file=sys.stderr, flush=True)
    sys.exit(1)
