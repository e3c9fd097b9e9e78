"""The time zone data that came with the product."""

from django.core.checks import CheckMessage, register
from django.core.checks import Warning as Caution
from django.utils import timezone

from agencies.wallclock import ZONE_DATA, is_old


@register()
def check_zone_data(**kwargs: object) -> list[CheckMessage]:
    if not is_old(ZONE_DATA, timezone.localdate()):
        return []
    hint = "Install a newer release of the package tzdata, and publish all branches."
    return [Caution(f"The time zone data ({ZONE_DATA}) is old.", hint=hint, id="mydesklive.W002")]
