import django.db.models.deletion
from django.db import migrations, models


# Ends the period that goes on if the row says something else now, and begins one if the row is in production. The clock is
# that of the moment, not of the transaction's begin: two transactions that change a row do it one after the other.
NOTE = """
CREATE FUNCTION agencies_note_production(
    in_production boolean, its_kind text, its_key bigint, its_agency bigint, its_country text, its_region text
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE agencies_productionperiod SET until = clock_timestamp()
    WHERE kind = its_kind AND key = its_key AND until IS NULL
        AND NOT (in_production AND agency_id = its_agency AND country = its_country AND region = its_region);
    IF in_production THEN
        INSERT INTO agencies_productionperiod (agency_id, kind, key, country, region, since)
        SELECT its_agency, its_kind, its_key, its_country, its_region, clock_timestamp()
        WHERE NOT EXISTS (
            SELECT FROM agencies_productionperiod WHERE kind = its_kind AND key = its_key AND until IS NULL
        );
    END IF;
END $$
"""
# Each table, its kind, what its rows hand over, and whether a row is in production. Any country but Greece has no regions.
ROWS = (
    ("agencies_agency", "agency", "{row}.id, '', ''", "{row}.stage = 'production'"),
    ("agencies_procedure", "procedure", "{row}.agency_id, '', ''", "{row}.is_offered"),
    (
        "agencies_branch",
        "branch",
        "{row}.agency_id, {row}.country, CASE {row}.country WHEN 'GR' THEN {row}.region_el ELSE '' END",
        "{row}.is_open",
    ),
)
TRIGGER = """
CREATE FUNCTION {table}_production() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM agencies_note_production(false, '{kind}', OLD.id, NULL, NULL, NULL);
    ELSE
        PERFORM agencies_note_production({is_in}, '{kind}', NEW.id, {what});
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER {table}_production AFTER INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {table}_production();
"""
NO_TRIGGER = """
DROP TRIGGER {table}_production ON {table};
DROP FUNCTION {table}_production;
"""


def noted():
    """Each table gets its trigger, and then the periods of its rows: from this moment on, nothing earlier is known."""
    for table, kind, what, is_in in ROWS:
        new = {"is_in": is_in.format(row="NEW"), "what": what.format(row="NEW")}
        yield migrations.RunSQL(TRIGGER.format(table=table, kind=kind, **new), NO_TRIGGER.format(table=table))
        first = f"SELECT agencies_note_production({is_in}, '{kind}', one.id, {what}) FROM {table} AS one"
        yield migrations.RunSQL(first.format(row="one"), migrations.RunSQL.noop)


class Migration(migrations.Migration):
    """The times in which agencies, branches and services were in production are kept from now on, whoever changes a row."""

    dependencies = [
        ('agencies', '0012_second_provider'),
    ]

    operations = [
        migrations.CreateModel(
            name='ProductionPeriod',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('agency', 'Agency'), ('branch', 'Branch'), ('procedure', 'Procedure')], max_length=9)),
                ('key', models.BigIntegerField()),
                ('country', models.CharField(blank=True, max_length=2)),
                ('region', models.CharField(blank=True, max_length=100)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField(blank=True, null=True)),
                ('agency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='production_periods', to='agencies.agency')),
            ],
            options={
                'verbose_name': 'period in production',
                'verbose_name_plural': 'periods in production',
                'constraints': [models.UniqueConstraint(condition=models.Q(('until', None)), fields=('kind', 'key'), name='one_production_period_goes_on')],
            },
        ),
        migrations.CreateModel(
            name='PublishedCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateField(verbose_name='given from')),
                ('until', models.DateField(verbose_name='given until')),
                ('cut_off', models.DateField(verbose_name='counted on')),
                ('procedures', models.PositiveIntegerField(blank=True, null=True, verbose_name='services')),
                ('branches', models.PositiveIntegerField(blank=True, null=True, verbose_name='branches')),
                ('countries', models.PositiveIntegerField(blank=True, null=True, verbose_name='countries')),
                ('regions', models.PositiveIntegerField(blank=True, null=True, verbose_name='regions')),
                ('source_el', models.CharField(max_length=200, verbose_name='source (Greek)')),
                ('source_en', models.CharField(max_length=200, verbose_name='source (English)')),
                ('agency', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='published_counts', to='agencies.agency', verbose_name='agency')),
            ],
            options={
                'verbose_name': 'published count',
                'verbose_name_plural': 'published counts',
                'ordering': ('agency', 'since'),
                'constraints': [models.UniqueConstraint(fields=('agency', 'since'), name='one_published_count_per_start'), models.CheckConstraint(condition=models.Q(('since__lte', models.F('until'))), name='published_count_has_days')],
            },
        ),
        migrations.RunSQL(NOTE, "DROP FUNCTION agencies_note_production"),
        *noted(),
    ]
