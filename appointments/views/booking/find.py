"""Finds an appointment by its reference and e-mail address, for citizens without an account who have lost the link."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.limits import Limit
from appointments import references
from appointments.forms import FindForm
from appointments.models import Appointment
from appointments.views.entry import remember

# Wrong e-mail addresses for one reference. Unknown references count too, so that the answer does not tell which exist.
TRIES = Limit("finding", 5, 15 * 60)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def find(request: HttpRequest) -> HttpResponse:
    form, now = FindForm(request.POST or None), timezone.now()
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


def _matching(reference: str, email: str) -> Appointment | None:
    appointments = Appointment.objects.beyond_hold()
    return appointments.with_reference(reference).filter(email__iexact=email).first()
