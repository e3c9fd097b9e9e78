"""The servers of video calls: Jitsi, LiveKit, BigBlueButton and Webex. Each may be missing, but not by halves."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as Caution
from django.db import DatabaseError, connections
from django.db.models import Q

from mydesklive.checks.places import CONFIGURATION, host_of, is_here, wrong

MIN_SECRET = 32  # bytes; shorter keys of HS256 and of checksums can be guessed
WEBEX = ("WEBEX_CLIENT_ID", "WEBEX_CLIENT_SECRET", "WEBEX_REFRESH_TOKEN")


@register(CONFIGURATION)
def check_jitsi(**kwargs: object) -> list[CheckMessage]:
    if not settings.JITSI_URL:
        return _without("JITSI_URL", ("JITSI_APP_ID", "JITSI_SECRET"), 24)
    if not _is_https(settings.JITSI_URL):
        to_do = "E.g. https://meet.example.org."
        return [wrong(7, "JITSI_URL must be an https address: browsers give no camera otherwise.", to_do)]
    if not settings.JITSI_APP_ID or len(settings.JITSI_SECRET.encode()) < MIN_SECRET:
        text = f"JITSI_URL needs JITSI_APP_ID and a JITSI_SECRET of {MIN_SECRET} bytes or more."
        return [wrong(8, text, "Take both from the configuration of the Jitsi server.")]
    return []


@register(CONFIGURATION)
def check_livekit(**kwargs: object) -> list[CheckMessage]:
    if not settings.LIVEKIT_URL:
        return _without("LIVEKIT_URL", ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"), 40)
    if not _is_https(settings.LIVEKIT_URL, "wss"):
        to_do = "E.g. wss://livekit.example.org."
        return [wrong(41, "LIVEKIT_URL must be a wss or https address: calls could be heard otherwise.", to_do)]
    if not settings.LIVEKIT_API_KEY or len(settings.LIVEKIT_API_SECRET.encode()) < MIN_SECRET:
        text = f"LIVEKIT_URL needs LIVEKIT_API_KEY and a LIVEKIT_API_SECRET of {MIN_SECRET} bytes or more."
        return [wrong(42, text, "Take both from `keys` in the configuration of the LiveKit server.")]
    return []


@register(CONFIGURATION)
def check_bbb(**kwargs: object) -> list[CheckMessage]:
    if not settings.BBB_URL:
        return _without("BBB_URL", ("BBB_SECRET",), 43)
    if not _is_https(settings.BBB_URL):
        to_do = "E.g. https://bbb.example.org/bigbluebutton, as `bbb-conf --secret` shows it."
        return [wrong(44, "BBB_URL must be an https address: its secret signs what others could read.", to_do)]
    if len(settings.BBB_SECRET.encode()) < MIN_SECRET:
        text = f"BBB_URL needs a BBB_SECRET of {MIN_SECRET} bytes or more."
        return [wrong(45, text, "Take it from `bbb-conf --secret` on the server.")]
    return []


@register(CONFIGURATION)
def check_webex(**kwargs: object) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not _is_https(settings.WEBEX_URL):
        found.append(wrong(46, "WEBEX_URL must be an https address: its tokens open all meetings.", "Leave it empty."))
    given = [name for name in WEBEX if getattr(settings, name)]
    missing = [name for name in WEBEX if name not in given]
    if given and missing:
        text = f"{' and '.join(given)} without {' and '.join(missing)}."
        found.append(wrong(47, text, "Set all three from the integration or service app, or leave all three empty."))
    if len(given) == len(WEBEX) and settings.WEBEX_TOKEN:
        text = "WEBEX_TOKEN would stand in for WEBEX_REFRESH_TOKEN, and runs out."
        found.append(wrong(48, text, "Leave WEBEX_TOKEN empty."))
    if settings.WEBEX_HOST and "@" not in settings.WEBEX_HOST:
        found.append(wrong(49, "WEBEX_HOST is no e-mail address.", "Name the account whose meetings they are."))
    return found


@register(Tags.database)
def check_chosen_providers(databases: Sequence[str] | None = None, **kwargs: object) -> list[CheckMessage]:
    """Tells which agencies have chosen a provider that this installation cannot use (`check --database default`).

    It is a warning, because `migrate` asks too, and their calls go on by the second provider or by telephone.
    """
    try:
        return [message for alias in databases or () for message in _unusable(alias)]
    except DatabaseError:  # before the first migration, or while the database is away
        return []


def _unusable(alias: str) -> list[CheckMessage]:
    from videocalls.providers import PROVIDERS  # models can be imported now

    agency = apps.get_model("agencies", "Agency")
    if agency._meta.db_table not in connections[alias].introspection.table_names():
        return []
    found: list[CheckMessage] = []
    for name, provider in PROVIDERS.items():
        if not (fault := provider.fault()):
            continue
        choosing = agency.objects.using(alias).filter(Q(video_provider=name) | Q(video_fallback=name))
        slugs = ", ".join(choosing.values_list("slug", flat=True))
        if slugs:
            hint = "Set what is missing, or choose another provider on the agency's page."
            text = f"Agencies with video provider {name}: {slugs}. But {fault}."
            found.append(Caution(text, hint=hint, id="mydesklive.W006"))
    return found


def _without(address: str, names: tuple[str, ...], number: int) -> list[CheckMessage]:
    given = [name for name in names if getattr(settings, name)]
    to_do = f"Set {address} to the address of the server, or leave {' and '.join(names)} empty too."
    return [wrong(number, f"{' and '.join(given)} without {address}.", to_do)] if given else []


def _is_https(url: str, *others: str) -> bool:
    """Returns whether the address is one through TLS. On this machine it need not be."""
    host, scheme = host_of(url), url.partition(":")[0]
    if not host or urlsplit(url).query or urlsplit(url).fragment:
        return False
    return scheme in {"https", *others} or (is_here(host) and scheme in {"http", "ws"})
