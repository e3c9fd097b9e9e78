"""One cause after the other in one start of the product, and the ledger of all."""

import sys
import time

from bench.soak.messages import ledger
from bench.soak.messages.causes import CAUSES, Cause
from bench.soak.messages.stage import MEDIA, NotSeenError, Stage
from bench.soak.stack import Stack

# Seconds until nothing is under way any more. A lease is two minutes.
SOON, LATE = 60, 300


def suffer(stack: Stack, words: list[str], *, short: bool, patient: bool) -> int:
    """Tries the causes with one of the words, and prints the ledger. Returns 1 if something is wrong."""
    chosen = [one for one in CAUSES if any(word in one.name for word in words) and not (short and one.long)]
    since, lines = time.monotonic(), [_line(stack, cause, patient=patient) for cause in chosen]
    wrong = [text for line in lines for text in line.wrong]
    print(ledger.table(lines))
    print(f"{time.monotonic() - since:.0f} s", *(["FAILED:", *wrong] if wrong else ["passed"]), sep="\n  ")
    if wrong:
        print(stack.log()[-20000:], file=sys.stderr)
    return 1 if wrong or not lines else 0


def _line(stack: Stack, cause: Cause, *, patient: bool) -> ledger.Line:
    stage, since, faults = Stage(stack), time.monotonic(), []
    try:
        cause.do(stage)
    except NotSeenError as error:
        faults.append(str(error))
    ledger.settle(stage.citizens, LATE if patient else SOON, (lambda: None) if patient else stage.hurry)
    messages = ledger.messages_of(stage.citizens, stack.mails, stack.sms)
    missing = len(stage.citizens) * len(MEDIA) - len(messages)
    return ledger.Line(cause.name, cause.must, cause.may, messages, missing, time.monotonic() - since, faults)
