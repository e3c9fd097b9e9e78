#!/usr/bin/env python
"""Django's command line for myDESKlive."""

import os
import sys

import django
from django.core.management import execute_from_command_line

from accounts.database.patience import COMMAND, set_usual

# These tell about the configuration, or work on the code alone. All others end here if the configuration is wrong.
FREE = {
    "check",
    "help",
    "version",
    "diffsettings",
    "collectstatic",
    "makemigrations",
    "makemessages",
    "compilemessages",
}
SKIP = {"--help", "-h", "--version", "--skip-checks"}


def main(words: list[str]) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mydesklive.settings")
    if words[1:] and words[1] not in FREE and not SKIP.intersection(words):
        django.setup()
        from mydesklive.checks import refuse_if_wrong

        refuse_if_wrong()
    if "runserver" not in words:
        set_usual(COMMAND)
    execute_from_command_line(words)


if __name__ == "__main__":
    main(sys.argv)
