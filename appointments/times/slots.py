"""A run: the consecutive slots of one rule that a service takes from its first one on. In SQL and in Python alike.

Slots of one rule never overlap. So a run is whole if as many of them begin within the service's duration as it needs.
"""

from datetime import timedelta

# Whether the row {slot} has a desk left; and whether the public may take it, too.
HAS_DESK = "{slot}.taken < {slot}.capacity"
FREE = f"{HAS_DESK} AND ({{slot}}.bookable_from IS NULL OR {{slot}}.bookable_from <= %(now)s)"
# Whether the row {slot} is in the run of {rule} (a key) for a service from {begins} until {ends}.
IN_RUN = "{slot}.rule_id = {rule} AND {slot}.starts_at >= {begins} AND {slot}.starts_at < {ends}"
# The same as a window over rows of `slot`, for a service of {duration}: the end of a frame belongs to it.
RUN = """(
    PARTITION BY slot.rule_id ORDER BY slot.starts_at
    RANGE BETWEEN CURRENT ROW AND {duration}::interval - interval '1 microsecond' FOLLOWING
)"""
# How many slots a service of {minutes} needs where {slot_minutes} is the length of one.
NEEDED = "ceil({minutes}::numeric / {slot_minutes})"


def slots_needed(duration: timedelta, slot_length: timedelta) -> int:
    """How many consecutive slots of this length a service of the duration needs; NEEDED says the same in SQL."""
    return -(-duration // slot_length)
