"""The short form of `make soak`: people use the whole product while parts are hung and killed."""

import subprocess
import sys
from pathlib import Path

import pytest

BASE = Path(__file__).parent.parent.parent


@pytest.mark.slow
@pytest.mark.minutes
def test_nothing_is_lost_or_doubled_while_parts_fail() -> None:
    command = [sys.executable, "-m", "bench.soak", "--short", "--slack", "4"]  # other tests run beside it
    soak = subprocess.run(command, cwd=BASE, capture_output=True, text=True, timeout=600, check=False)
    assert soak.returncode == 0, soak.stdout + soak.stderr[-2000:]
