"""What the product is measured against: Django with nothing but a view and its SQL, under the same server.

`book` does one UPDATE and one INSERT in a transaction and checks nothing; `times` passes on JSON that PostgreSQL makes.
Plain SQL, no ORM, no middleware, no sessions, no messages.
"""

import json
import os
import secrets

import environ
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

database = environ.Env().db_url("DATABASE_URL")
database["HOST"] = database["OPTIONS"].pop("host")
settings.configure(
    SECRET_KEY=os.environ["SECRET_KEY"],
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": database | {"CONN_MAX_AGE": None}},
    USE_TZ=True,
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


def times(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(TIMES, [request.GET["branch"]])
        (found,) = cursor.fetchone()
    return HttpResponse(found, content_type="application/json")


urlpatterns = [path("appointments/", book), path("slots/", times)]
application = get_wsgi_application()
