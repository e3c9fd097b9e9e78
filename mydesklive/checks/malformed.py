"""Settings that could not be read at all."""

from django.conf import settings
from django.core.checks import CheckMessage, register

from mydesklive.checks.places import CONFIGURATION, wrong


@register(CONFIGURATION)
def check_malformed(**kwargs: object) -> list[CheckMessage]:
    return [
        wrong(25, f"{name} cannot be read.", f"Set {name} to {wanted}.") for name, wanted in settings.MALFORMED.items()
    ]
