from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from appointments.messages import invitations
from appointments.models import Appointment
from appointments.views.entry import for_appointment


@require_safe
@for_appointment
def calendar_file(request: HttpRequest, appointment: Appointment) -> HttpResponse:
    content = invitations.download(appointment, now=timezone.now())
    answer = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = content_disposition_header(
        as_attachment=True, filename=f"{appointment.reference}.ics"
    )
    return answer
