from django.db import migrations

# Less than before: taken away, given to somebody else, at another place, or lower. `agencies.access.ROLES` has the same order.
END_SESSIONS = """
CREATE FUNCTION agencies_end_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE accounts_user SET sessions_ended = sessions_ended + 1 WHERE id = OLD.user_id;
    RETURN NULL;
END $$;
CREATE TRIGGER agencies_end_sessions_of_gone AFTER DELETE ON agencies_membership
    FOR EACH ROW EXECUTE FUNCTION agencies_end_sessions();
CREATE TRIGGER agencies_end_sessions_of_changed AFTER UPDATE ON agencies_membership FOR EACH ROW
    WHEN (NEW.user_id <> OLD.user_id OR NEW.agency_id <> OLD.agency_id
        OR (NEW.branch_id IS NOT NULL AND NEW.branch_id IS DISTINCT FROM OLD.branch_id)
        OR array_position(ARRAY['agent', 'supervisor', 'agency_admin'], NEW.role::text)
            < array_position(ARRAY['agent', 'supervisor', 'agency_admin'], OLD.role::text))
    EXECUTE FUNCTION agencies_end_sessions();
"""
BACK = """
DROP TRIGGER agencies_end_sessions_of_gone ON agencies_membership;
DROP TRIGGER agencies_end_sessions_of_changed ON agencies_membership;
DROP FUNCTION agencies_end_sessions()
"""


class Migration(migrations.Migration):
    """Sessions of people end when they lose a role at an agency."""

    dependencies = [("agencies", "0019_who_books_and_declarations"), ("accounts", "0013_sessions_that_end")]

    operations = [migrations.RunSQL(END_SESSIONS, BACK)]
