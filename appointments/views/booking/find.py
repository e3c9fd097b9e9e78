"""How citizens without an account get in and out.

They find an appointment by its reference and e-mail address if they have lost the link, and leave a shared computer.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.limits import Limit
from appointments import references
from appointments.forms import FindForm
from appointments.models import Appointment
from appointments.views.booking.draft import Draft
from appointments.views.entry import remember

# Wrong e-mail addresses for one reference. Unknown references count too, so that the answer does not tell which exist.
TRIES = Limit("finding", 5, 15 * 60)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def find(request: HttpRequest) -> HttpResponse:
    form, now = FindForm(request.POST if request.method == "POST" else None), timezone.now()
    if form.is_valid():
        reference = form.cleaned_data["reference"]
        counted = next(iter(references.readings(reference)), reference)
        if TRIES.passed(counted, now=now):
            form.add_error(
                None, _("Too many tries. Please wait a quarter of an hour, or use the link in our messages.")
            )
        elif found := _matching(reference, form.cleaned_data["email"]):
            TRIES.forget(counted, now=now)
            remember(request, found)
            return redirect(found)
        else:
            form.add_error(None, _("We found no appointment with this reference and this e-mail address."))
    return render(request, "appointments/booking/find.html", {"form": form})


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Forgets the visitor, as signing out does: what was typed, the held time, and the appointments that were opened."""
    Draft(request).leave(now=timezone.now())
    messages.success(request, _("Everything you typed and opened here has been cleared from this browser."))
    return redirect("agencies:portal")


def _matching(reference: str, email: str) -> Appointment | None:
    appointments = Appointment.objects.beyond_hold()
    return appointments.with_reference(reference).filter(email__iexact=email).first()
