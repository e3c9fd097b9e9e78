"""The keys that sign and encrypt: set, long, and not easily guessed."""

import re
from itertools import pairwise

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as Caution

from mydesklive.checks.places import CONFIGURATION, is_demo, wrong

UNSET = "insecure: SECRET_KEY is not set"
# Characters. Data keys of 32 were taken once, and cannot be guessed either.
SECRET_LENGTH, DATA_LENGTH = 50, 32
STEPS = 10  # different distances between neighbours; random text of this length has twice as many
# What documentation, templates and our own files show in place of a key.
EXAMPLE = re.compile(
    r"insecure|change.{0,2}me|example|placeholder|replace.{0,2}(me|this|with)|your.{0,2}secret|secret.{0,2}key|data.{0,2}key"
    r"|password|random.{0,2}characters|openssl",
    re.IGNORECASE,
)
MAKE = "Set it to the output of `openssl rand -base64 48`"


def weakness(key: str, least: int) -> str:
    """Returns why somebody could guess the key, or "" if nobody can."""
    if len(key) < least:
        return f"is shorter than {least} characters"
    if EXAMPLE.search(key):
        return "is an example"
    repeats = any(key.startswith(key[period:]) for period in range(1, len(key) // 2 + 1))
    steps = {ord(after) - ord(before) for before, after in pairwise(key)}
    return "can be guessed: it repeats itself" if repeats or len(steps) < STEPS else ""


@register(CONFIGURATION)
def check_secret_key(**kwargs: object) -> list[CheckMessage]:
    if is_demo():
        return []
    if settings.SECRET_KEY == UNSET:
        return [wrong(1, "SECRET_KEY is not set.", f"{MAKE}, and keep it.")]
    if why := weakness(settings.SECRET_KEY, SECRET_LENGTH):
        return [wrong(10, f"SECRET_KEY {why}.", f"{MAKE}. Sessions and links that the weak key signed become invalid.")]
    return []


@register(CONFIGURATION)
def check_old_keys(**kwargs: object) -> list[CheckMessage]:
    weak = [weakness(key, SECRET_LENGTH) for key in settings.SECRET_KEY_FALLBACKS]
    return [
        wrong(11, f"Key {place} of SECRET_KEY_FALLBACKS {why}.", "Remove it: whoever guesses it can sign as you.")
        for place, why in enumerate(weak, 1)
        if why
    ]


@register(CONFIGURATION)
def check_old_data_keys(**kwargs: object) -> list[CheckMessage]:
    weak = [weakness(key, DATA_LENGTH) for key in settings.DATA_KEY_FALLBACKS]
    hint = "Run `manage.py reseal`, then remove it: whoever guesses it can read what it has sealed."
    found: list[CheckMessage] = []
    found += [wrong(37, f"Key {place} of DATA_KEY_FALLBACKS {why}.", hint) for place, why in enumerate(weak, 1) if why]
    if settings.DATA_KEY in settings.DATA_KEY_FALLBACKS:
        found.append(wrong(38, "DATA_KEY is among DATA_KEY_FALLBACKS.", "Name each key once; DATA_KEY is the newest."))
    return [] if is_demo() else found


@register(CONFIGURATION)
def check_data_key(**kwargs: object) -> list[CheckMessage]:
    if is_demo():
        return []
    if not settings.OWN_DATA_KEY:
        to_do = f"{MAKE}, and keep it as long as the data. An installation that has data without it sets it to its SECRET_KEY."
        return [wrong(12, "DATA_KEY is not set: the SECRET_KEY could never be changed.", to_do)]
    if why := weakness(settings.OWN_DATA_KEY, DATA_LENGTH):
        return [
            wrong(
                13,
                f"DATA_KEY {why}.",
                f"{MAKE}. If there are data already, put the weak key into DATA_KEY_FALLBACKS and run `manage.py reseal`.",
            )
        ]
    if settings.OWN_DATA_KEY == settings.SECRET_KEY:
        hint = "Set SECRET_KEY to a new key and put the old one into SECRET_KEY_FALLBACKS. Leave DATA_KEY as it is."
        return [Caution("DATA_KEY is the SECRET_KEY: who learns one knows both.", hint=hint, id="mydesklive.W003")]
    return []


@register(CONFIGURATION)
def check_metrics_token(**kwargs: object) -> list[CheckMessage]:
    token = settings.METRICS_TOKEN
    if token and (why := weakness(token, DATA_LENGTH)):
        return [wrong(28, f"METRICS_TOKEN {why}.", f"{MAKE}, or leave it empty: then there are no figures.")]
    return []


@register(CONFIGURATION)
def check_sms_hook_secret(**kwargs: object) -> list[CheckMessage]:
    secret = settings.SMS_HOOK_SECRET
    if secret and (why := weakness(secret, DATA_LENGTH)):
        return [wrong(29, f"SMS_HOOK_SECRET {why}.", f"{MAKE}, or leave it empty: then no SMS of citizens is taken.")]
    return []
