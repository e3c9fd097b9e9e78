"""`python -m bench.soak.messages`: every message that is owed arrives, while each part and each peer fails in each way.

Prints a ledger with one line for each cause, and exits with 1 if a message was lost, sent twice where it must not be, or
untold. `--short` tries the few that the tests have time for, `--causes "gateway,clock"` those with such words. `--patient`
waits for leases and pauses, which are minutes; otherwise the rows are told that the minutes have passed.
"""

import argparse
import os
import sys

import django

from bench.soak.stack import running

# Seconds until a gateway that hangs is given up.
GATEWAY = "rto=2&"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak.messages", description=__doc__)
    parser.add_argument("--causes", default="", help="only those with such words, like 'gateway,clock'")
    parser.add_argument("--short", action="store_true", help="a minute instead of four")
    parser.add_argument(
        "--patient", action="store_true", help="wait for leases and pauses, instead of setting rows forward"
    )
    wanted = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mydesklive.settings")
    with running(gateway=GATEWAY) as stack:
        os.environ |= stack.environment
        django.setup()
        from bench.soak.messages.run import suffer  # models can be imported now

        return suffer(stack, wanted.causes.split(","), short=wanted.short, patient=wanted.patient)


if __name__ == "__main__":
    sys.exit(main())
