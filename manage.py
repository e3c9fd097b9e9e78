#!/usr/bin/env python
"""Django's command line for myDESKlive."""

import os
import sys

from django.core.management import execute_from_command_line

from accounts.patience import COMMAND, set_usual

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mydesklive.settings")
    if "runserver" not in sys.argv:
        set_usual(COMMAND)
    execute_from_command_line(sys.argv)
