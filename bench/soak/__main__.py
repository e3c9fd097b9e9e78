"""`python -m bench.soak`: people use the whole product while its parts are stopped, hung, slowed and killed in turn.

Prints a ledger and exits with 1 if anything was lost or doubled, if a part died in silence, or if somebody waited too long.
`--short` takes a minute and one cause for each kind of part, `--causes "hang redis,kill web"` only these.
"""

import argparse
import json
import os
import sys
import time
from itertools import product
from pathlib import Path
from threading import Event, Thread

import django
import psutil

from bench.soak.ledger import Cause, Ledger
from bench.soak.parts import HOWS
from bench.soak.stack import MARKS, Stack, running

LONG, SHORT = (8.0, 12.0), (5.0, 7.0)  # seconds of a cause, and of rest after it
# What is tried again after a minute comes first.
BRIEF = (
    ("hang", "mail"), ("kill", "worker"), ("hang", "redis"), ("kill", "postgres"), ("hang", "postgres"), ("kill", "web"),
)  # fmt: skip
GREEDY = 10  # threads with five addresses each
# Seconds until nothing may be due any more: a message that a killed worker was sending is tried again after its lease.
PATIENCE = 200


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a minute instead of ten")
    parser.add_argument("--causes", default="", help='only these, like "hang redis,kill web"')
    parser.add_argument("--slack", type=int, default=1, help="how many times longer all may take on a busy machine")
    parser.add_argument("--stage", help="only make the data, and write here what the people need to know", type=Path)
    wanted = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mydesklive.settings")
    if wanted.stage:
        django.setup()
        return set_up(wanted.stage)
    chosen = [tuple(words.split()) for words in wanted.causes.split(",") if words]
    causes = chosen or (BRIEF if wanted.short else [(how, part) for part, how in product(MARKS, HOWS)])
    lengths = SHORT if wanted.short else LONG
    with running() as stack:
        os.environ |= stack.environment
        django.setup()
        return soak(stack, [(how, part) for how, part in causes], *lengths, slack=wanted.slack)


def set_up(file: Path) -> int:
    from django.utils import timezone

    from bench.soak import stage

    file.write_text(json.dumps(stage.set_up(timezone.now())))
    return 0


def soak(stack: Stack, causes: list[tuple[str, str]], lasting: float, resting: float, *, slack: int) -> int:
    from bench.soak import audit, people, report

    ledger, over = Ledger(), Event()
    crowd = [Thread(target=live, daemon=True) for live in people.crowd(stack.port, ledger, over, **stack.told)]
    for person in crowd:
        person.start()
    time.sleep(resting)
    for how, part in causes:
        _suffer(stack, ledger, how, part, lasting)
        time.sleep(resting)
    greedy = [
        Thread(target=people.Greedy(stack.port, ledger, over, number).live, daemon=True) for number in range(GREEDY)
    ]
    with ledger.cause("greed", "sudden") as greed:
        for one in greedy:
            one.start()
        time.sleep(lasting + resting)
    over.set()
    for one in [*crowd, *greedy]:
        one.join(timeout=30)
    settled = audit.settle(PATIENCE)
    soon, wrong = audit.soon(ledger, greed.begins), audit.examine(ledger, stack.mails, stack.sms)
    verdict = report.Verdict(ledger, wrong, soon, settled, audit.twice(stack.mails), slack)
    print(verdict.told())
    return 0 if verdict.passed else 1


def _suffer(stack: Stack, ledger: Ledger, how: str, name: str, seconds: float) -> None:
    part = stack.parts[name]
    told, old = len(stack.log()), part.tree()
    with ledger.cause(name, how) as cause:
        if how == "slow":
            part.slow(seconds)
        else:
            with part.suffering(how):
                if how == "hang":
                    time.sleep(seconds)
                else:
                    _wait_for_another(stack, ledger, cause, old)
    if how in {"stop", "kill"} and not stack.tells_end_of(name, since=told):
        ledger.fault(f"{cause}: the log says nothing about it")


def _wait_for_another(stack: Stack, ledger: Ledger, cause: Cause, old: list[psutil.Process]) -> None:
    """Waits until the supervisor has started the part again. Processes that outlive their parent are not it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        process = stack.parts[cause.part].find(old)
        if process is not None:
            return
        time.sleep(0.1)
    ledger.fault(f"{cause}: it was not started again within 30 seconds")


if __name__ == "__main__":
    sys.exit(main())
