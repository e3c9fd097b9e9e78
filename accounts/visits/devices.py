"""With what kind of device somebody reads a page. Nothing but the kind is ever kept."""

import re

from django.db.models import TextChoices
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


class Device(TextChoices):
    PHONE = "phone", _("Phone")
    TABLET = "tablet", _("Tablet")
    COMPUTER = "computer", _("Computer")


# Every browser calls itself Mozilla, Opera's old ones excepted. Programs that only fetch pages mostly do not.
BROWSER = re.compile(r"(Mozilla|Opera)/\d")
# Those that do say what they are, or where to read about them. Cubot makes phones.
PROGRAM = re.compile(
    r"https?://|(?<!cu)bot(?![a-z])|crawl|spider|slurp|scrap|scann?er|fetch|archiver|headless|phantomjs|selenium|lighthouse"
    r"|pagespeed|monitor|pingdom|uptime|statuscake|gtmetrix|ptst/|preview|validator|checker|externalhit|mediapartners"
    r"|googleother|google-read|feedburner|python|curl/|wget|httpclient|go-http|java/",
    re.IGNORECASE,
)
# An Android that is no phone does not say "Mobile". Old Windows computers say "Tablet PC".
TABLET = re.compile(r"iPad|Tablet(?! PC)|PlayBook|Kindle|Silk/(?!.*Mobile)|Android(?!.*Mobi)", re.IGNORECASE)
PHONE = re.compile(r"Mobi|iPhone|iPod|Windows Phone|Opera Mini|BlackBerry|Symbian", re.IGNORECASE)
LONGEST = 512  # characters of the header that are looked at


def device_of(request: HttpRequest) -> Device | None:
    """Returns the kind of device, as the browser names itself; None if it is a program that no person sits before.

    Since 2019 an iPad calls itself a Mac, so most of them are counted as computers.
    """
    name = request.headers.get("User-Agent", "")[:LONGEST]
    if not BROWSER.match(name) or PROGRAM.search(name):
        return None
    if TABLET.search(name):
        return Device.TABLET
    return Device.PHONE if PHONE.search(name) else Device.COMPUTER
