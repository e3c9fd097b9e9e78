"""Rating a visit without an appointment, from the page of its ticket."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from appointments.booking.ratings import rate_visit as keep
from appointments.forms import RatingForm
from appointments.models import Ticket
from appointments.views.acting import IN_LINE


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def rate_visit(request: HttpRequest, code: str) -> HttpResponse:
    now = timezone.now()
    ticket = get_object_or_404(Ticket.objects.select_related("branch__agency", "procedure"), code=code)
    if not ticket.may_be_rated(now):
        return redirect(ticket)
    if request.session.get(IN_LINE) == code:
        del request.session[IN_LINE]  # the page of the ticket leads here only once
    form = RatingForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        keep(ticket, form.cleaned_data["score"], comment=form.cleaned_data["comment"], now=now)
        messages.success(request, _("Thank you for your opinion."))
        return redirect(ticket)
    visit = {"procedure": ticket.procedure, "branch": ticket.branch, "agency": ticket.branch.agency}
    context = {**visit, "form": form, "back_url": ticket.get_absolute_url(), "back_text": _("Your place in the queue")}
    return render(request, "appointments/booking/rate.html", context)
