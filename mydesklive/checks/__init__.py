"""System checks: they tell what is wrong with a configuration, and what to set. Importing this registers them."""

from mydesklive.checks import addresses, countries, keys, malformed, peers, pooler, providers, relays, video, zones
from mydesklive.checks.starting import refuse_if_wrong

__all__ = [
    "addresses",
    "countries",
    "keys",
    "malformed",
    "peers",
    "pooler",
    "providers",
    "refuse_if_wrong",
    "relays",
    "video",
    "zones",
]
