"""Addresses with a typing error in the name of a common mail provider. A message to such an address never arrives."""

import re
from difflib import get_close_matches

_PROVIDERS = """
gmail.com googlemail.com yahoo.com yahoo.gr yahoo.co.uk ymail.com rocketmail.com hotmail.com hotmail.gr hotmail.co.uk
outlook.com outlook.com.gr live.com windowslive.com msn.com icloud.com aol.com mail.com email.com usa.com
protonmail.com protonmail.ch proton.me tutanota.com fastmail.com zoho.com yandex.com inbox.com mail.ru gmx.com gmx.net
otenet.gr cosmotemail.gr cosmote.gr forthnet.gr windtools.gr tellas.gr vivodinet.gr mycosmos.gr freemail.gr pathfinder.gr
vodafone.gr mailbox.gr mail.gr in.gr hol.gr cytanet.com.cy primehome.com
freenet.de t-online.de laposte.net wanadoo.fr orange.fr libero.it virgilio.it alice.it btinternet.com telenet.be skynet.be
bluewin.ch ziggo.nl hetnet.nl bigpond.com optusnet.com.au comcast.net verizon.net sbcglobal.net rogers.com sympatico.ca
"""
PROVIDERS = _PROVIDERS.split()
# These have addresses in many countries, such as hotmail.be. Others have one.
_IN_MANY_COUNTRIES = re.compile(r"(yahoo|hotmail|outlook|live|msn|gmx|yandex)\.((com?\.)?(?!cm|co|om)[a-z]{2})")
_ONLY = {domain.partition(".")[0]: domain for domain in ("gmail.com", "icloud.com", "cosmotemail.gr", "otenet.gr")}
_ENDINGS = dict.fromkeys(("con", "cim", "cmo", "comm", "cpm", "ocm", "vom", "xom"), "com") | {"grr": "gr", "nte": "net"}
_SHORTEST = 7  # characters: shorter names are alike without an error
_ALIKE = 0.85  # of 1: one wrong, missing, doubled or exchanged letter


def meant(address: str) -> str:
    """Return the address that was probably meant, or "" if this one looks right."""
    mailbox, _at, domain = address.rpartition("@")
    right = _right(domain.lower())
    return f"{mailbox}@{right}" if right and right != domain.lower() else ""


def _right(domain: str) -> str:
    if domain in PROVIDERS or _IN_MANY_COUNTRIES.fullmatch(domain):
        return domain
    name, _dot, ending = domain.rpartition(".")
    if provider := _ONLY.get(name):
        return provider
    if len(domain) >= _SHORTEST and (alike := get_close_matches(domain, PROVIDERS, 1, _ALIKE)):
        return alike[0]
    return f"{name}.{_ENDINGS[ending]}" if ending in _ENDINGS else ""
