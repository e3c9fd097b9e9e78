"""Tests the API against its own schema: no request leads to a server error or to an answer outside the schema."""

from collections.abc import Iterator
from io import StringIO

import pytest
import schemathesis
import schemathesis.openapi
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi import checks

from accounts.limits import Limit
from agencies.api.callers import WriteThrottle
from agencies.models import SystemToken
from appointments.models import Appointment, TimeSlot
from mydesklive.wsgi import application
from tests.builders import an_appointment, an_open_branch

KEY = "secret of kep"
UNTOLD = [checks.positive_data_acceptance, checks.negative_data_rejection]

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[schemathesis.BaseSchema]:
    """The schema as it is served. Requests run in this process and transaction."""
    monkeypatch.setattr(WriteThrottle, "SYSTEMS", Limit("fuzz", 10**9, 60))
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    branch = an_open_branch(desks=2)
    SystemToken.objects.create(agency=branch.agency, label="Fuzz", digest=SystemToken.digest_of(KEY))
    appointment = an_appointment(TimeSlot.objects.order_by("pk")[0])
    Appointment.objects.filter(pk=appointment.pk).update(source="system")
    yield schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", application)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


OPERATIONS = [
    "GET /api/v1/agencies/",
    "GET /api/v1/agencies/{slug}/",
    "GET /api/v1/branches/",
    "GET /api/v1/branches/{code}/",
    "GET /api/v1/procedures/",
    "GET /api/v1/procedures/{code}/",
    "GET /api/v1/slots/",
    "POST /api/v1/appointments/",
    "GET /api/v1/appointments/{reference}/",
    "PATCH /api/v1/appointments/{reference}/",
    "DELETE /api/v1/appointments/{reference}/",
]


@pytest.mark.parametrize("name", OPERATIONS)
def test_api_answers_as_its_schema_says(api: schemathesis.BaseSchema, name: str) -> None:
    method, path = name.split()

    operation = api[path][method]

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(
        case=operation.as_strategy() | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
        real=st.booleans(),
    )
    def answers(case: Case, real: bool) -> None:
        if real:
            use_real_codes(case)
        with transaction.atomic():
            # A schema does not know which codes exist, nor which times are free. An empty filter counts as no filter.
            case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"}, excluded_checks=UNTOLD)
            transaction.set_rollback(True)

    answers()


def use_real_codes(case: Case) -> None:
    """Uses existing codes in place of random ones. Otherwise a request would fail at its first look-up."""
    real = {
        "slug": "kep",
        "code": "kep-chania" if "branches" in case.path else "kep-dilosi",
        "reference": Appointment.objects.get(source="system").reference,
        "procedure": "kep-dilosi",
        "branch": "kep-chania",
        "agency": "kep",
        "slot": TimeSlot.objects.order_by("pk")[5].pk,
    }
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            part.update({name: real[name] for name in part.keys() & real.keys()})


def test_every_operation_is_tried(api: schemathesis.BaseSchema) -> None:
    assert {result.ok().label for result in api.get_all_operations()} == set(OPERATIONS)


def test_schema_is_valid_and_complete() -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=StringIO())
