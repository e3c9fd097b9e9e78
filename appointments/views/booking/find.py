"""How citizens without an account get in and out.

They find an appointment by its reference and e-mail address if they have lost the link, and leave a shared computer.

Somebody who knows a reference could guess the address, and somebody who knows an address the reference (one of 10¹⁵).
Wrong tries are counted for each network, so a stranger shuts out only himself. A stranger with many networks uses up
ALL_TRIES of a reference. From then on each network has one try for it: the owner types both right and gets in, and the
stranger has a fifth of his tries.
"""

from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.limits import DatabaseLimit
from accounts.limits.networks import network_of
from appointments import references
from appointments.forms import FindForm
from appointments.models import Appointment
from appointments.views.booking.draft import Draft
from appointments.views.entry import remember

# Wrong tries of one network for one reference and for all, and of everybody for one reference. Unknown references count
# too, so that the answer does not tell which exist.
QUARTER, HOUR = 15 * 60, 3600
TRIES, TRIES_OF_NETWORK = DatabaseLimit("finding", 5, QUARTER), DatabaseLimit("finding-of-network", 100, QUARTER)
ALL_TRIES, LAST_TRY = DatabaseLimit("finding-of-all", 100, HOUR), DatabaseLimit("finding-last", 1, HOUR)
# Cookies beside that of the session. The messages of the next page have one too, and say that all is forgotten.
OTHER_COOKIES = ("timezone", settings.LANGUAGE_COOKIE_NAME)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def find(request: HttpRequest) -> HttpResponse:
    form, now = FindForm(request.POST if request.method == "POST" else None), timezone.now()
    if form.is_valid():
        reference = form.cleaned_data["reference"]
        counted = _counted(request, reference, now)
        if any(limit.passed(who, now=now) for limit, who in counted):
            form.add_error(
                None, _("Too many tries. Please wait a quarter of an hour, or use the link in our messages.")
            )
        elif found := _matching(reference, form.cleaned_data["email"]):
            for limit, who in counted:
                limit.uncount(who, now=now)
            remember(request, found)
            return redirect(found)
        else:
            ALL_TRIES.passed(_spelled(reference), now=now)
            form.add_error(None, _("We found no appointment with this reference and this e-mail address."))
    return render(request, "appointments/booking/find.html", {"form": form})


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Forgets the visitor: what was typed, the held time, the appointments that were opened, and what scripts have stored."""
    Draft(request).leave(now=timezone.now())
    messages.success(request, _("Everything you typed and opened here has been cleared from this browser."))
    answer = redirect("agencies:portal")
    answer.headers["Clear-Site-Data"] = '"storage"'
    for cookie in OTHER_COOKIES:
        answer.delete_cookie(cookie)
    return answer


def _counted(request: HttpRequest, reference: str, now: datetime) -> list[tuple[DatabaseLimit, str]]:
    """Returns the limits that this try counts towards, and as whose."""
    network = network_of(request)
    pair = f"{network} {_spelled(reference)}"
    counted = [(TRIES, pair), (TRIES_OF_NETWORK, network)]
    return [*counted, (LAST_TRY, pair)] if ALL_TRIES.reached(_spelled(reference), now=now) else counted


def _spelled(reference: str) -> str:
    return next(iter(references.readings(reference)), reference)


def _matching(reference: str, email: str) -> Appointment | None:
    appointments = Appointment.objects.beyond_hold()
    return appointments.with_reference(reference).filter(email__iexact=email).first()
