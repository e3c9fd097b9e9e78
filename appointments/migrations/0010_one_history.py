import django.contrib.postgres.indexes
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# The column stays, with a default, for as long as the old code may still run.
KEEP_MARK = "ALTER TABLE appointments_event ALTER COLUMN is_undone SET DEFAULT false"
DROP_DEFAULT = "ALTER TABLE appointments_event ALTER COLUMN is_undone DROP DEFAULT"

# Steps that were taken back keep the time of the step: nobody wrote down when. Moves named who asked for them.
CONVERT = """
SET CONSTRAINTS ALL IMMEDIATE;  -- else the table could not be altered after its rows
UPDATE appointments_event SET undone_at = at WHERE is_undone AND undone_at IS NULL;
UPDATE appointments_event SET "by" = CASE
    WHEN officer_id IS NOT NULL OR details->>'by' = 'agency' THEN 'officer'
    WHEN details->>'by' = 'citizen' THEN 'guest' ELSE '' END
WHERE "by" = '';
UPDATE appointments_event SET details = details - 'by' - 'officer' WHERE details ?| array['by', 'officer'];
UPDATE appointments_event SET before = before #- '{ticket,park_reason}' WHERE before->'ticket' ? 'park_reason';
UPDATE appointments_event SET before = before - 'appointment' WHERE before->'appointment' = 'null'::jsonb;
"""

# Nobody changes what has happened. A step may be marked as taken back, once; what it kept to be taken back may be emptied;
# a person who is deleted is no longer named. Retention says so for its transaction, and may do anything.
GUARD = """
CREATE FUNCTION appointments_event_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('mydesklive.retention', true) = 'on' THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.id, NEW.at, NEW.verb, NEW."by", NEW.page, NEW.details)
            IS NOT DISTINCT FROM (OLD.id, OLD.at, OLD.verb, OLD."by", OLD.page, OLD.details)
        AND (NEW.appointment_id, NEW.ticket_id, NEW.desk_id, NEW.disruption_id)
            IS NOT DISTINCT FROM (OLD.appointment_id, OLD.ticket_id, OLD.desk_id, OLD.disruption_id)
        AND (NEW.before = OLD.before OR NEW.before = '{}')
        AND (NEW.officer_id IS NOT DISTINCT FROM OLD.officer_id OR NEW.officer_id IS NULL)
        AND (NEW.undone_at IS NOT DISTINCT FROM OLD.undone_at OR OLD.undone_at IS NULL)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the history is only added to (event %)', OLD.id USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER appointments_event_stands BEFORE UPDATE OR DELETE ON appointments_event
    FOR EACH ROW EXECUTE FUNCTION appointments_event_stands();
"""
UNGUARD = """
DROP TRIGGER appointments_event_stands ON appointments_event;
DROP FUNCTION appointments_event_stands;
"""
AGAIN = """
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE appointments_event SET is_undone = undone_at IS NOT NULL;
"""


class Migration(migrations.Migration):
    """Events tell by whom and from where, may be of desks and disruptions, and are never changed."""

    dependencies = [
        ("appointments", "0009_follow_ups"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="by",
            field=models.CharField(
                blank=True,
                choices=[
                    ("citizen", "Citizen"),
                    ("guest", "Guest"),
                    ("officer", "Officer"),
                    ("system", "Agency's system"),
                    ("worker", "The service itself"),
                ],
                db_default="",
                default="",
                max_length=8,
                verbose_name="by",
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="page",
            field=models.CharField(blank=True, db_default="", default="", max_length=80, verbose_name="page"),
        ),
        migrations.AddField(
            model_name="event",
            name="undone_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="taken back at"),
        ),
        migrations.AddField(
            model_name="event",
            name="desk",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="events",
                to="appointments.desk",
                verbose_name="desk",
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="disruption",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="events",
                to="appointments.disruption",
                verbose_name="disruption",
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="appointment",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="events",
                to="appointments.appointment",
                verbose_name="appointment",
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="ticket",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="events",
                to="appointments.ticket",
                verbose_name="ticket",
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="verb",
            field=models.CharField(choices=[
                    ("hold", "Time held"),
                    ("book", "Booked"),
                    ("request", "Requested"),
                    ("verify", "E-mail address confirmed: booked"),
                    ("move", "Moved"),
                    ("cancel", "Cancelled"),
                    ("release", "Held time given back"),
                    ("expire", "Expired"),
                    ("assign", "Assigned"),
                    ("check_in", "Arrived"),
                    ("admit", "In the queue"),
                    ("call", "Called"),
                    ("call_again", "Called again"),
                    ("serve", "Service begun"),
                    ("interrupt", "Service interrupted"),
                    ("park", "Parked"),
                    ("return", "Back in the queue"),
                    ("forward", "Forwarded"),
                    ("complete", "Completed"),
                    ("miss", "Did not come"),
                    ("give_up", "Left the queue"),
                    ("close", "The day ended"),
                    ("sit", "Sat down"),
                    ("pause", "Paused"),
                    ("resume", "Resumed"),
                    ("leave", "Left the desk"),
                    ("disrupt", "Times closed"),
                    ("offer", "Another time offered"),
                    ("accept", "Offer accepted"),
                    ("lapse", "No answer in time"),
                    ("settle", "Offer ended"),
                    ("room", "Room of the video call made"),
                    ("no_room", "The room of the video call could not be made"),
                    ("tell", "Message sent"),
                    ("fail", "Message did not arrive"),
                    ("past", "Earlier steps"),
                ], max_length=10, verbose_name="what"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("ticket__isnull", False)), fields=["ticket"], name="event_by_ticket"
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(condition=models.Q(("desk__isnull", False)), fields=["desk"], name="event_by_desk"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("disruption__isnull", False)), fields=["disruption"], name="event_by_disruption"
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=django.contrib.postgres.indexes.BrinIndex(fields=["at"], name="event_by_time"),
        ),
        migrations.RemoveConstraint(model_name="event", name="event_is_of_something"),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("appointment__isnull", False),
                    ("ticket__isnull", False),
                    ("desk__isnull", False),
                    ("disruption__isnull", False),
                    _connector="OR",
                ),
                name="event_is_of_something",
            ),
        ),
        migrations.RunSQL(CONVERT, AGAIN),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(KEEP_MARK, DROP_DEFAULT)],
            state_operations=[migrations.RemoveField(model_name="event", name="is_undone")],
        ),
        migrations.RunSQL(GUARD, UNGUARD),
        migrations.CreateModel(
            name="Reading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(verbose_name="at")),
                ("page", models.CharField(max_length=80, verbose_name="page")),
                (
                    "appointment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="readings",
                        to="appointments.appointment",
                        verbose_name="appointment",
                    ),
                ),
                (
                    "officer",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="officer",
                    ),
                ),
            ],
            options={
                "verbose_name": "reading of a record",
                "verbose_name_plural": "readings of records",
                "ordering": ("at", "pk"),
            },
        ),
    ]
