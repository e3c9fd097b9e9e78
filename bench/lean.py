"""The lean views that the product is compared with: Django with only a view and its SQL, under the same server.

`book` does one UPDATE and one INSERT in a transaction and checks nothing. `times` passes on JSON that PostgreSQL makes.
Both use plain SQL, and no ORM, middleware, sessions or messages. `book_by_orm` does the same as `book` through the ORM, as
most views are written.
"""

import json
import os
import secrets

import environ
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone

database = environ.Env().db_url("DATABASE_URL")
database["HOST"] = database["OPTIONS"].pop("host")
settings.configure(
    SECRET_KEY=os.environ["SECRET_KEY"],
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": database | {"CONN_MAX_AGE": None}},
    USE_TZ=True,
    # The ORM needs these apps for its tables, and for the users that they refer to. Only their models are used.
    INSTALLED_APPS=[
        *("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.postgres"),
        *("accounts", "agencies", "videocalls", "appointments"),
    ],
    AUTH_USER_MODEL="accounts.User",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)

TAKE = """
UPDATE appointments_timeslot SET taken = taken + 1 WHERE id = %s AND taken < capacity
RETURNING branch_id, starts_at, ends_at
"""
INSERT = """
INSERT INTO appointments_appointment (reference, agency_id, branch_id, procedure_id, channel, status, slot_ids,
    starts_at, ends_at, name, email, phone, language, timezone, notes, person_key, source, revision, created_at, booked_at,
    cancelled_by, cancel_reason)
SELECT %(reference)s, agency_id, %(branch)s, id, %(channel)s, 'booked', ARRAY[%(slot)s], %(starts_at)s, %(ends_at)s,
    %(name)s, %(email)s, %(phone)s, %(language)s, '', '', '', 'system', 0, now(), now(), '', ''
FROM agencies_procedure WHERE code = %(procedure)s
"""
TIMES = """
SELECT coalesce(json_agg(json_build_object('id', slot.id, 'branch', branch.code, 'starts_at', slot.starts_at,
    'ends_at', slot.ends_at, 'free', slot.capacity - slot.taken) ORDER BY slot.starts_at), '[]')::text
FROM agencies_branch branch
JOIN agencies_openingrule rule ON rule.branch_id = branch.id
JOIN appointments_timeslot slot ON slot.rule_id = rule.id AND slot.taken < slot.capacity
    AND slot.starts_at BETWEEN now() AND now() + interval '31 days'
WHERE branch.code = %s
"""


def book(request: HttpRequest) -> HttpResponse:
    wanted = json.loads(request.body)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TAKE, [wanted["slot"]])
        taken = cursor.fetchone()
        if taken is None:
            return JsonResponse({"slot": ["gone"]}, status=409)
        reference = secrets.token_hex(6)
        row = dict(zip(("branch", "starts_at", "ends_at"), taken, strict=True))
        cursor.execute(INSERT, wanted | row | {"reference": reference})
    return JsonResponse({"reference": reference}, status=201)


def book_by_orm(request: HttpRequest) -> HttpResponse:
    wanted, now = json.loads(request.body), timezone.now()
    with transaction.atomic():
        slots = TimeSlot.objects.filter(pk=wanted["slot"])
        if not slots.filter(taken__lt=F("capacity")).update(taken=F("taken") + 1):
            return JsonResponse({"slot": ["gone"]}, status=409)
        slot, procedure = slots.get(), Procedure.objects.get(code=wanted["procedure"])
        given = {name: wanted[name] for name in ("channel", "name", "email", "phone", "language")}
        appointment = Appointment.objects.create(
            agency_id=procedure.agency_id,
            branch_id=slot.branch_id,
            procedure=procedure,
            status=Status.BOOKED,
            slot_ids=[slot.pk],
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            source=Appointment.Source.SYSTEM,
            created_at=now,
            booked_at=now,
            **given,
        )
    return JsonResponse({"reference": appointment.reference}, status=201)


def times(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(TIMES, [request.GET["branch"]])
        (found,) = cursor.fetchone()
    return HttpResponse(found, content_type="application/json")


urlpatterns = [path("appointments/", book), path("orm/appointments/", book_by_orm), path("slots/", times)]
application = get_wsgi_application()

# These can only be imported after the apps are set up.
from agencies.models import Procedure  # noqa: E402
from appointments.models import Appointment, Status, TimeSlot  # noqa: E402
from mydesklive.serving.front import Front  # noqa: E402

served = Front(application)
