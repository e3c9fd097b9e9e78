"""Medians and other quantiles, from how many values lie in each of some ranges."""

from collections.abc import Sequence
from itertools import pairwise
from math import inf

from reports.rollups.facts import MINUTES

__all__ = ["MINUTES", "quantile"]


def quantile(spread: Sequence[int], ends: Sequence[int], share: float) -> float | None:
    """Returns the value below which `share` of the values lie, in the unit of `ends`; None if there is no value.

    Within a range, values are taken as evenly spread. The last range has no end: a value in it is told as where it begins.
    """
    sought, passed = share * sum(spread), 0
    if not sought:
        return None
    for count, (low, high) in zip(spread, pairwise((0, *ends, inf)), strict=True):
        if passed + count >= sought:
            return low if high == inf else low + (high - low) * (sought - passed) / count
        passed += count
    return None
