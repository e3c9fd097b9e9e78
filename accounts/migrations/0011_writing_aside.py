from django.db import migrations

WRITE_ASIDE = """
CREATE FUNCTION accounts_write_aside(statement text, told jsonb) RETURNS text LANGUAGE plpgsql SET lock_timeout = '50ms' AS $$
BEGIN
    EXECUTE statement USING told;
    RETURN '';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$
"""


class Migration(migrations.Migration):
    """Pages count beside their work, and counting never makes them fail or wait."""

    dependencies = [("accounts", "0010_names_of_servers")]

    operations = [migrations.RunSQL(WRITE_ASIDE, "DROP FUNCTION accounts_write_aside(text, jsonb)")]
