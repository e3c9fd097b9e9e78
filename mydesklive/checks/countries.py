"""The file that tells visitors' countries."""

import maxminddb
from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as Caution

from mydesklive.checks.places import CONFIGURATION


@register(CONFIGURATION)
def check_countries(**kwargs: object) -> list[CheckMessage]:
    """Nothing else depends on the file, and it may come later. So the product starts without it."""
    if not settings.GEOIP_PATH:
        return []
    try:
        maxminddb.open_database(settings.GEOIP_PATH).close()
    except (OSError, ValueError, maxminddb.InvalidDatabaseError):
        hint = "Set it to a file of countries in MaxMind's format (MMDB), or to nothing: then countries are not known."
        return [Caution("The file of GEOIP_PATH cannot be read.", hint=hint, id="mydesklive.W060")]
    return []
