"""The base of the worker's periodic sweeps. Each sweep has a lane of its own, so that none can take all processes.

A sweep that waits for a slow peer (a mail server, an SMS gateway) holds as many processes of the worker as its lane is
wide. If more of its runs arrive meanwhile, they end at once and leave a mark, and a run that ends looks for the mark and
sweeps again. So many runs that were queued while the worker was away become one or two, and no waking is lost. No clock
plays a part: a run is left out because another one follows, never because of its age.

The lanes are locks of the operating system (fcntl) on a file without a name. It is opened before the worker forks. A lock
ends with its process, also when that is killed.
"""

import fcntl
import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from zlib import crc32

from celery import Task

WIDEST = 16  # processes
MOST = 2**16  # lanes
# Seconds after which a run ends although there is a mark. The next run, seconds later, goes on.
LONGEST = 60.0

_file, _path = tempfile.mkstemp(prefix="mydesklive-lanes-")
Path(_path).unlink()
os.ftruncate(_file, MOST)
_marks = mmap.mmap(_file, MOST)


class Sweep(Task):
    """A task without arguments that deals with all rows that are due. It may run at any time, and twice."""

    abstract = True
    width = 1  # how many processes of one worker it may take

    @classmethod
    def on_bound(cls, app: object) -> None:  # noqa: ARG003 (Celery defines the signature)
        cls.lane = crc32(cls.name.encode()) % MOST  # the same in every process

    def __call__(self) -> int:
        """Sweeps, and returns how often. It is 0 if the lane was full."""
        since, runs = monotonic(), 0
        _marks[self.lane] = 1
        while _marks[self.lane] and monotonic() - since < LONGEST:
            with _place(self.lane, self.width) as is_free:
                if not is_free:
                    break
                _marks[self.lane] = 0
                self.run()
                runs += 1
        return runs


@contextmanager
def _place(lane: int, width: int) -> Iterator[bool]:
    """Yields whether the lane had a free place, which is this process's while the block runs."""
    for place in range(lane * WIDEST, lane * WIDEST + width):
        try:
            fcntl.lockf(_file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError:
            continue
        try:
            yield True
        finally:
            fcntl.lockf(_file, fcntl.LOCK_UN, 1, place)
        return
    yield False
