"""All data about me: to read, and as a file. Of an account with all appointments, and of one appointment by its link."""

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import User
from appointments.models import Appointment
from appointments.mydata import collecting, erasing
from appointments.mydata.collecting import Part
from appointments.views.entry import for_appointment


@require_safe
@never_cache
@login_required
def account(request: HttpRequest) -> HttpResponse:
    user, now = cast(User, request.user), timezone.now()
    own = erasing.own(user)
    context = {
        "part": collecting.of_account(user, own),
        "past": sum(erasing.is_past(one, now) for one in own),
        "may_close": not user.has_role,
    }
    return render(request, "appointments/mydata/account.html", context)


@require_safe
@never_cache
@login_required
def account_file(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    return _file(collecting.of_account(user, erasing.own(user)), "my-data.json")


@require_safe
@for_appointment
def appointment(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    context = {
        "part": collecting.of_appointment(appointment),
        "appointment": appointment,
        "agency": appointment.agency,
        "may_erase": erasing.may_be_erased(appointment, timezone.now()),
    }
    return render(request, "appointments/mydata/appointment.html", context)


@require_safe
@for_appointment
def appointment_file(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    return _file(collecting.of_appointment(appointment), f"{appointment.reference}.json")


def _file(part: Part, name: str) -> HttpResponse:
    answer = JsonResponse(collecting.as_json(part), json_dumps_params={"ensure_ascii": False, "indent": 2})
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    return answer
