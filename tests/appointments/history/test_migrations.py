"""The history of a database that was in use before there was one: what was there is written down, and stays in order."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from agencies.models import Agency, Branch
from appointments.models import Event
from tests.builders import NOW, a_walk_in, an_officer, booked_at

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = [("appointments", "0009_follow_ups")]
Verb = Event.Verb
# As the version before wrote them. The citizen's step was taken back.
MOVE = """
INSERT INTO appointments_event (at, verb, appointment_id, before, details, is_undone)
VALUES (%(now)s, 'move', %(appointment)s, '{"appointment": null}', '{"by": "citizen", "from": "x"}', true)
"""
CALL = """
INSERT INTO appointments_event (at, verb, ticket_id, officer_id, before, details, is_undone)
VALUES (%(now)s, 'call', %(ticket)s, %(officer)s, '{"ticket": {"state": "waiting", "park_reason": "ill"}}', '{}', false)
"""


def test_database_in_use_is_brought_up_to_date(branch: Branch) -> None:
    officer = an_officer(branch)
    appointment, ticket = booked_at(branch, 9), a_walk_in(branch, NOW)
    # The database's own clock says what is too old to be told.
    Agency.objects.update(retention_days=36_500)
    executor = MigrationExecutor(connection)
    leaves = executor.loader.graph.leaf_nodes()
    executor.migrate(BEFORE)
    with connection.cursor() as cursor:
        given = {"now": NOW, "appointment": appointment.pk, "ticket": ticket.pk, "officer": officer.pk}
        cursor.execute("DELETE FROM appointments_event")
        cursor.execute(MOVE, given)
        cursor.execute(CALL, given)
    MigrationExecutor(connection).migrate(leaves)

    booked, called, moved = Event.objects.order_by("verb")
    assert (booked.verb, booked.at, booked.appointment) == (Verb.BOOK, appointment.booked_at, appointment)
    assert (called.verb, called.by, called.before) == (Verb.CALL, Event.By.OFFICER, {"ticket": {"state": "waiting"}})
    assert (moved.verb, moved.by, moved.before, moved.details) == (Verb.MOVE, Event.By.GUEST, {}, {"from": "x"})
    assert moved.undone_at == NOW
    assert called.undone_at is None
