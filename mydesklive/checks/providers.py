"""The providers at which people sign in: each is whole, spoken to through TLS, and real."""

from django.conf import settings
from django.core.checks import CheckMessage, register

from mydesklive.checks.places import CONFIGURATION, host_of, is_open_to_others, wrong

GROUPS = {
    name: (f"{name}_URL", f"{name}_CLIENT_ID", f"{name}_SECRET") for name in ("TAXISNET", "TAXISNET_STAFF", "OIDC")
}
SANDBOX = "/sandbox/"


@register(CONFIGURATION)
def check_providers(**kwargs: object) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for names in GROUPS.values():
        url, *others = (getattr(settings, name) for name in names)
        missing = [name for name in names if not getattr(settings, name)]
        if missing and any((url, *others)):
            found.append(wrong(70, f"{' and '.join(missing)} missing: nobody can sign in there.", "Set all three."))
        elif url:
            found += _of_address(names[0], url)
    return found


def _of_address(name: str, url: str) -> list[CheckMessage]:
    host = host_of(url)
    if not host or not url.startswith(("https://", "http://")):
        return [wrong(71, f"{name} is no address.", "E.g. https://oauth2.gsis.gr/oauth2serverotp.")]
    if url.startswith("http:") and is_open_to_others(host):
        what = f"{name} is plain http to another machine: tax numbers and names could be read on the way."
        return [wrong(72, what, "Use https://. If nobody else is on that network, add the host to PRIVATE_HOSTS.")]
    if SANDBOX in f"{url}/" and not settings.MYDESK_DEMO:
        what = f"{name} names the sandbox of the demo, in which everybody can be anybody."
        return [wrong(73, what, "Name the real provider, or set MYDESK_DEMO=1.")]
    return []
