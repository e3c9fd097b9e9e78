"""Runs, in SQL and in Python. A run is the consecutive slots of one rule that a service takes.

Slots of one rule never overlap. So a run is complete if as many slots begin within the service's duration as it needs.
"""

from datetime import timedelta

# Whether the row {slot} has a free desk; and whether the public may book it now.
HAS_DESK = "{slot}.taken < {slot}.capacity"
FREE = f"{HAS_DESK} AND ({{slot}}.bookable_from IS NULL OR {{slot}}.bookable_from <= %(now)s)"
# Whether the row {slot} is in the run of the rule {rule} (a key) for a service from {begins} until {ends}.
IN_RUN = "{slot}.rule_id = {rule} AND {slot}.starts_at >= {begins} AND {slot}.starts_at < {ends}"
# The run as a window over rows of `slot`, for a service of {duration}. A frame includes its end, hence the microsecond.
RUN = """(
    PARTITION BY slot.rule_id ORDER BY slot.starts_at
    RANGE BETWEEN CURRENT ROW AND {duration}::interval - interval '1 microsecond' FOLLOWING
)"""
# How many slots a service of {minutes} needs if a slot lasts {slot_minutes}.
NEEDED = "ceil({minutes}::numeric / {slot_minutes})"


def slots_needed(duration: timedelta, slot_length: timedelta) -> int:
    """Return how many consecutive slots of this length the service needs. NEEDED says the same in SQL."""
    return -(-duration // slot_length)
