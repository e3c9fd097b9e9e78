from django.db import migrations

# Holds, and bookings that a guest has not confirmed, count nowhere. `reports.rollups.facts.SUBMITTED` says the same.
COUNTS = "{row}.status NOT IN ('held', 'unverified', 'expired')"
# The hours in which an appointment counts: of its request, of its start, and of its cancellation.
HOURS = f"""
    CROSS JOIN LATERAL (VALUES
        (least({{row}}.created_at, {{row}}.starts_at)), ({{row}}.starts_at),
        (CASE {{row}}.status WHEN 'cancelled' THEN least({{row}}.ended_at, {{row}}.starts_at) END)
    ) AS moment (at) WHERE moment.at IS NOT NULL AND {COUNTS}
"""
HOUR = "date_trunc('hour', {at}, 'UTC')"
MARKED = f"""
    INSERT INTO appointments_changedday (branch_id, hour)
    SELECT DISTINCT changed.branch_id, {HOUR.format(at="moment.at")} FROM {{rows}} {HOURS.format(row="changed")}
"""
BOTH = """(VALUES
        (OLD.branch_id, OLD.status, OLD.created_at, OLD.starts_at, OLD.ended_at),
        (NEW.branch_id, NEW.status, NEW.created_at, NEW.starts_at, NEW.ended_at)
    ) AS changed (branch_id, status, created_at, starts_at, ended_at)"""

APPOINTMENTS = f"""
CREATE FUNCTION appointments_note_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {MARKED.format(rows="changed")};
    RETURN NULL;
END $$;
CREATE FUNCTION appointments_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {MARKED.format(rows=BOTH)};
    RETURN NULL;
END $$;
CREATE TRIGGER appointments_note_new AFTER INSERT ON appointments_appointment
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appointments_note_new();
CREATE TRIGGER appointments_note_gone AFTER DELETE ON appointments_appointment
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appointments_note_new();
CREATE TRIGGER appointments_note_change AFTER UPDATE ON appointments_appointment FOR EACH ROW
    WHEN ((OLD.branch_id, OLD.procedure_id, OLD.channel, OLD.source, OLD.status, OLD.created_at, OLD.starts_at,
            OLD.ends_at, OLD.booked_at, OLD.moved_at, OLD.serving_at, OLD.completed_at, OLD.ended_at, OLD.cancelled_by,
            OLD.video_call_id)
        IS DISTINCT FROM (NEW.branch_id, NEW.procedure_id, NEW.channel, NEW.source, NEW.status, NEW.created_at,
            NEW.starts_at, NEW.ends_at, NEW.booked_at, NEW.moved_at, NEW.serving_at, NEW.completed_at, NEW.ended_at,
            NEW.cancelled_by, NEW.video_call_id))
    EXECUTE FUNCTION appointments_note_change();
"""

# What offices offer. A booking changes `taken` alone, and calls nothing here.
SLOTS = f"""
CREATE FUNCTION appointments_note_slots() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO appointments_changedday (branch_id, hour)
    SELECT DISTINCT branch_id, {HOUR.format(at="starts_at")} FROM changed;
    RETURN NULL;
END $$;
CREATE FUNCTION appointments_note_slot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO appointments_changedday (branch_id, hour) VALUES
        (OLD.branch_id, {HOUR.format(at="OLD.starts_at")}), (NEW.branch_id, {HOUR.format(at="NEW.starts_at")});
    RETURN NULL;
END $$;
CREATE TRIGGER appointments_note_new AFTER INSERT ON appointments_timeslot
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appointments_note_slots();
CREATE TRIGGER appointments_note_gone AFTER DELETE ON appointments_timeslot
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appointments_note_slots();
CREATE TRIGGER appointments_note_change AFTER UPDATE OF branch_id, starts_at, ends_at, desks ON appointments_timeslot
    FOR EACH ROW WHEN ((OLD.branch_id, OLD.starts_at, OLD.ends_at, OLD.desks)
        IS DISTINCT FROM (NEW.branch_id, NEW.starts_at, NEW.ends_at, NEW.desks))
    EXECUTE FUNCTION appointments_note_slot();
"""

# With an appointment, all counts on the appointment's day.
TICKETS = f"""
CREATE FUNCTION appointments_note_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO appointments_changedday (branch_id, hour, day)
    SELECT DISTINCT coalesce(appointment.branch_id, ticket.branch_id), {HOUR.format(at="appointment.starts_at")},
        CASE WHEN appointment.id IS NULL THEN ticket.day END
    FROM (VALUES (OLD.branch_id, OLD.day, OLD.appointment_id), (NEW.branch_id, NEW.day, NEW.appointment_id))
        AS ticket (branch_id, day, appointment_id)
    LEFT JOIN appointments_appointment appointment ON appointment.id = ticket.appointment_id
    WHERE ticket.branch_id IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER appointments_note_new AFTER INSERT OR DELETE ON appointments_ticket
    FOR EACH ROW EXECUTE FUNCTION appointments_note_ticket();
CREATE TRIGGER appointments_note_change AFTER UPDATE ON appointments_ticket FOR EACH ROW
    WHEN ((OLD.branch_id, OLD.day, OLD.appointment_id, OLD.procedure_id, OLD.channel, OLD.priority, OLD.state,
            OLD.arrived_at, OLD.called_at, OLD.serving_at, OLD.ended_at, OLD.outcome)
        IS DISTINCT FROM (NEW.branch_id, NEW.day, NEW.appointment_id, NEW.procedure_id, NEW.channel, NEW.priority,
            NEW.state, NEW.arrived_at, NEW.called_at, NEW.serving_at, NEW.ended_at, NEW.outcome))
    EXECUTE FUNCTION appointments_note_ticket();
"""

# The messages that were sent, and of these, those that did not arrive.
TOLD = "{row}.state IN ('sent', 'failed', 'bounced', 'unsure')"
MESSAGES = f"""
CREATE FUNCTION appointments_note_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO appointments_changedday (branch_id, hour)
    SELECT branch_id, {HOUR.format(at="starts_at")} FROM appointments_appointment
    WHERE id IN (OLD.appointment_id, NEW.appointment_id);
    RETURN NULL;
END $$;
CREATE TRIGGER appointments_note_new AFTER INSERT ON appointments_notification FOR EACH ROW
    WHEN ({TOLD.format(row="NEW")}) EXECUTE FUNCTION appointments_note_message();
CREATE TRIGGER appointments_note_gone AFTER DELETE ON appointments_notification FOR EACH ROW
    WHEN ({TOLD.format(row="OLD")}) EXECUTE FUNCTION appointments_note_message();
CREATE TRIGGER appointments_note_change AFTER UPDATE OF state, kind, appointment_id ON appointments_notification
    FOR EACH ROW WHEN ((OLD.state, OLD.kind, OLD.appointment_id) IS DISTINCT FROM (NEW.state, NEW.kind, NEW.appointment_id)
        AND ({TOLD.format(row="OLD")} OR {TOLD.format(row="NEW")}))
    EXECUTE FUNCTION appointments_note_message();
"""

CALLS = f"""
CREATE FUNCTION appointments_note_caller() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO appointments_changedday (branch_id, hour)
    SELECT branch_id, {HOUR.format(at="starts_at")} FROM appointments_appointment
    WHERE video_call_id IN (OLD.call_id, NEW.call_id);
    RETURN NULL;
END $$;
CREATE TRIGGER appointments_note_new AFTER INSERT OR DELETE ON videocalls_participant
    FOR EACH ROW EXECUTE FUNCTION appointments_note_caller();
CREATE TRIGGER appointments_note_change AFTER UPDATE OF admitted_at, role, call_id ON videocalls_participant FOR EACH ROW
    WHEN ((OLD.admitted_at, OLD.role, OLD.call_id) IS DISTINCT FROM (NEW.admitted_at, NEW.role, NEW.call_id))
    EXECUTE FUNCTION appointments_note_caller();
"""

RATINGS = """
CREATE FUNCTION appointments_note_rating() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO appointments_changedday (agency_id, day)
    SELECT DISTINCT * FROM (VALUES (OLD.agency_id, OLD.served_on), (NEW.agency_id, NEW.served_on)) AS rated (agency, day)
    WHERE agency IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER appointments_note_rating AFTER INSERT OR UPDATE OR DELETE ON appointments_rating
    FOR EACH ROW EXECUTE FUNCTION appointments_note_rating();
"""

# All days of a branch whose clock is another one.
BRANCHES = """
CREATE FUNCTION appointments_note_branch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO appointments_changedday (branch_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER appointments_note_branch AFTER UPDATE OF timezone, agency_id ON agencies_branch FOR EACH ROW
    WHEN ((OLD.timezone, OLD.agency_id) IS DISTINCT FROM (NEW.timezone, NEW.agency_id))
    EXECUTE FUNCTION appointments_note_branch();
"""

FUNCTIONS = ("new", "change", "slots", "slot", "ticket", "message", "caller", "rating", "branch")
# The triggers go with their functions.
UNDO = "".join(f"DROP FUNCTION appointments_note_{function}() CASCADE;" for function in FUNCTIONS)


class Migration(migrations.Migration):
    """The database notes the days on which something changes that reports count."""

    dependencies = [
        ("agencies", "0012_second_provider"),
        ("appointments", "0038_days_of_requests"),
        ("videocalls", "0006_by_telephone_and_forgetting"),
    ]

    # Tables in the order in which verbs lock their rows.
    operations = [
        migrations.RunSQL(APPOINTMENTS + SLOTS + TICKETS + MESSAGES + CALLS + RATINGS + BRANCHES, UNDO),
    ]
