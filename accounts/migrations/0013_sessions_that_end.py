from django.db import migrations, models

# A program that writes a whole row from its memory must not bring sessions back to life that have ended meanwhile.
END_SESSIONS = """
CREATE FUNCTION accounts_end_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.sessions_ended := greatest(OLD.sessions_ended, NEW.sessions_ended);
    IF (OLD.is_active AND NOT NEW.is_active) OR (OLD.is_superuser AND NOT NEW.is_superuser)
        OR (OLD.is_operator AND NOT NEW.is_operator) OR (OLD.is_official AND NOT NEW.is_official) THEN
        NEW.sessions_ended := greatest(OLD.sessions_ended + 1, NEW.sessions_ended);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER accounts_end_sessions BEFORE UPDATE ON accounts_user
    FOR EACH ROW EXECUTE FUNCTION accounts_end_sessions();
"""
BACK = "DROP TRIGGER accounts_end_sessions ON accounts_user; DROP FUNCTION accounts_end_sessions()"


class Migration(migrations.Migration):
    """Sessions of people end when they lose a role of the platform or may no longer sign in."""

    dependencies = [("accounts", "0012_who_people_are")]

    operations = [
        migrations.AddField("user", "sessions_ended", models.PositiveIntegerField(db_default=0, default=0, editable=False)),
        migrations.RunSQL(END_SESSIONS, BACK),
    ]
