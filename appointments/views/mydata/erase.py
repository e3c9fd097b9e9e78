"""Being forgotten: one appointment by its link, all past ones of an account, and the account itself."""

from typing import cast

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import User
from appointments.errors import BookingError
from appointments.forms import EraseForm, refuse, revision_seen
from appointments.models import Appointment
from appointments.mydata import erasing
from appointments.views.acting import visitor
from appointments.views.entry import for_appointment

METHODS = ["GET", "HEAD", "POST"]


@require_http_methods(METHODS)
@for_appointment
def appointment(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    """Erases one appointment. A guest cannot open it again, because there is nobody left whose it is."""
    now = timezone.now()
    form = EraseForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            erasing.erase(appointment, by=visitor(request), now=now, revision=revision_seen(request.POST))
        except BookingError as error:
            refuse(form, error)
        else:
            messages.success(request, _("The data of your appointment has been erased."))
            return redirect("agencies:portal")
    context = {
        "appointment": appointment,
        "agency": appointment.agency,
        "form": form,
        "is_past": erasing.is_past(appointment, now),
        "may_erase": erasing.may_be_erased(appointment, now),
    }
    return render(request, "appointments/mydata/erase.html", context)


@require_http_methods(METHODS)
@never_cache
@login_required
def past(request: HttpRequest) -> HttpResponse:
    """Erases the past appointments of the account."""
    user, now = cast(User, request.user), timezone.now()
    form = EraseForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        number = erasing.erase_past(user, by=visitor(request), now=now)
        told = ngettext("%(number)d appointment has been erased.", "%(number)d appointments have been erased.", number)
        messages.success(request, told % {"number": number})
        return redirect("appointments:data")
    own = [one for one in erasing.own(user) if erasing.is_past(one, now)]
    return render(request, "appointments/mydata/erase_past.html", {"form": form, "past": own})


@require_http_methods(METHODS)
@never_cache
@login_required
def close(request: HttpRequest) -> HttpResponse:
    """Deletes the account, with all that is known of it. Roles are ended by those who gave them, and not here."""
    user, now = cast(User, request.user), timezone.now()
    if user.has_role:
        raise PermissionDenied
    form = EraseForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            erasing.close(user, by=visitor(request), now=now)
        except BookingError as error:
            refuse(form, error)
        else:
            logout(request)
            messages.success(request, _("Your account and all its data have been deleted."))
            return redirect("agencies:portal")
    own = [one for one in erasing.own(user) if not erasing.is_past(one, now)]
    return render(request, "appointments/mydata/close.html", {"form": form, "ahead": own})
