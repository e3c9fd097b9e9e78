"""Hides small counts in tables that anybody may have, so that they cannot be found again from a total.

What is a total, and known to all: the published table says what an agency counted on any day. So whoever has the other counts
of a column subtracts them, and has what the hidden ones come to together. This sum is all that is known of them:

- Counts from 1 to 9 are hidden.
- If the hidden counts of a column come to less than 20, further ones are hidden with them, until they come to 20 or
  nothing is left.
- Which ones these are is drawn, mostly small ones, by a key that nobody else knows. Always taking the smallest would tell that
  it is the smallest, and so what is left for the others.
- Where something is hidden, a zero looks the same.

So a hidden count can be any number from 1 to one less than their sum, also for somebody who knows these rules: whatever
the number, there is a column for which the same would be published (tests/reports/opening/test_hiding.py tries all small
ones). Each column stands alone. No two columns of what is published add up to a third one, or are parts of the same total.
"""

import hmac
from collections.abc import Hashable, Mapping
from hashlib import sha256
from typing import TypeVar

from accounts import sealing

SMALL = 10
LEAST = 20  # what hidden counts come to

K = TypeVar("K", bound=Hashable)


def hidden(column: Mapping[K, int], *, name: str) -> set[K]:
    """Returns the keys of the counts that are not shown, other than zeros.

    The same counts under the same `name` give the same keys, also when a release is made again after a backup was restored.
    """
    found = {key for key, count in column.items() if 0 < count < SMALL}
    others = sorted(
        (key for key, count in column.items() if count >= SMALL), key=lambda key: _turn(name, key, column[key])
    )
    for key in others if found else []:
        if sum(column[one] for one in found) >= LEAST:
            break
        found.add(key)
    return found


def shown(column: Mapping[K, int], *, name: str) -> dict[K, int | None]:
    """Returns the counts as they are published. None is hidden, or zero beside something that is hidden."""
    closed = hidden(column, name=name)
    return {key: None if key in closed or (closed and not count) else count for key, count in column.items()}


def _turn(name: str, key: object, count: int) -> int:
    """Returns a number by which counts are drawn. Any count may come first; a count of half the size does so twice as often."""
    drawn = hmac.new(sealing.key_for("hidden counts"), f"{name}: {key!r}".encode(), sha256).digest()
    return int.from_bytes(drawn) << count.bit_length()
