"""The data of the soak: one branch that is open around the clock, with desks, officers, a kiosk and a system."""

from datetime import datetime, time
from typing import Any

from django.conf import settings
from django.core.management import call_command

from agencies.loading.catalogue import load_agencies
from agencies.models import Agency, Channel, OpeningRule, Procedure, SystemToken
from appointments.models import Queue
from appointments.times.publishing import publish
from bench import world
from bench.polling.desks import seat, session_of

OFFICERS = 2
EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]


def set_up(now: datetime) -> dict[str, Any]:
    """Makes everything. Returns the cookies of each officer who sits at a desk, and the key of the kiosk."""
    call_command("migrate", verbosity=0)
    load_agencies()
    branch, procedure = world.places()
    Procedure.objects.filter(pk=procedure.pk).update(duration_minutes=10)
    OpeningRule.objects.filter(branch=branch).delete()
    common = {
        "branch": branch,
        "weekdays": EVERY_DAY,
        "opens_at": time(0),
        "closes_at": time(0),
        "valid_from": now.date(),
    }
    for purpose, desks in ((OpeningRule.Purpose.PUBLIC, 4), (OpeningRule.Purpose.WALK_IN, 2)):
        OpeningRule.objects.create(**common, purpose=purpose, desks=desks, channels=[*Channel])
    publish([branch.pk], now=now)
    agency = Agency.objects.get(slug="kep")
    SystemToken.objects.create(agency=agency, label="soak", digest=SystemToken.digest_of(world.token("kep", 0)))
    seats = [seat(branch, number) for number in range(OFFICERS)]
    queue, _made = Queue.objects.get_or_create(branch=branch)
    cookies = {f"officer {desk.name}": {settings.SESSION_COOKIE_NAME: session_of(officer)} for desk, officer in seats}
    return {"officers": cookies, "kiosk": queue.kiosk_key}
