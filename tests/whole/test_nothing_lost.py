"""Every message that is owed arrives, while real processes are killed and real peers fail: `python -m bench.soak.messages`."""

import subprocess
import sys
from pathlib import Path

import pytest

BASE = Path(__file__).parent.parent.parent


@pytest.mark.slow
@pytest.mark.minutes
def test_no_message_is_lost_or_doubled_while_parts_and_peers_fail() -> None:
    command = [sys.executable, "-m", "bench.soak.messages", "--short"]
    run = subprocess.run(command, cwd=BASE, capture_output=True, text=True, timeout=600, check=False)
    sys.stdout.write(run.stdout)  # the ledger
    assert run.returncode == 0, run.stdout + run.stderr[-3000:]
