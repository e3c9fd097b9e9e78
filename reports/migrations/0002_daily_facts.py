import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Roll-ups by day, branch, service, channel, source and outcome. The table of before goes with the next release."""

    dependencies = [
        ('agencies', '0012_second_provider'),
        ('reports', '0001_daily_count'),
    ]

    operations = [
        migrations.CreateModel(
            name='DailyCapacity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('minutes', models.PositiveIntegerField()),
                ('branch', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.branch')),
            ],
        ),
        migrations.CreateModel(
            name='DailyFact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('channel', models.CharField(max_length=10)),
                ('source', models.CharField(max_length=7)),
                ('outcome', models.CharField(choices=[('open', 'Open'), ('served', 'Served'), ('missed', 'Missed'), ('cancelled', 'Cancelled')], max_length=9)),
                ('requested', models.IntegerField(default=0)),
                ('booked', models.IntegerField(default=0)),
                ('days_ahead', models.IntegerField(default=0)),
                ('ahead_spread', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None)),
                ('due', models.IntegerField(default=0)),
                ('minutes', models.IntegerField(default=0)),
                ('moved', models.IntegerField(default=0)),
                ('begun', models.IntegerField(default=0)),
                ('punctual', models.IntegerField(default=0)),
                ('late_seconds', models.IntegerField(default=0)),
                ('late_spread', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None)),
                ('video_calls', models.IntegerField(default=0)),
                ('video_connected', models.IntegerField(default=0)),
                ('messages', models.IntegerField(default=0)),
                ('messages_lost', models.IntegerField(default=0)),
                ('walk_ins', models.IntegerField(default=0)),
                ('access_needs', models.IntegerField(default=0)),
                ('missing_documents', models.IntegerField(default=0)),
                ('waited', models.IntegerField(default=0)),
                ('waiting_seconds', models.BigIntegerField(default=0)),
                ('waiting_spread', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None)),
                ('timed', models.IntegerField(default=0)),
                ('serving_seconds', models.BigIntegerField(default=0)),
                ('serving_spread', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None)),
                ('cancelled', models.IntegerField(default=0)),
                ('cancelled_late', models.IntegerField(default=0)),
                ('cancelled_by_citizen', models.IntegerField(default=0)),
                ('cancelled_late_by_citizen', models.IntegerField(default=0)),
                ('agency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.agency')),
                ('branch', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.branch')),
                ('procedure', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.procedure')),
            ],
        ),
        migrations.CreateModel(
            name='DailyRating',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('channel', models.CharField(max_length=10)),
                ('score', models.PositiveSmallIntegerField()),
                ('ratings', models.IntegerField(default=0)),
                ('agency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.agency')),
                ('procedure', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.procedure')),
            ],
        ),
        migrations.CreateModel(
            name='DailySum',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('submitted', models.IntegerField(default=0)),
                ('served', models.IntegerField(default=0)),
                ('missed', models.IntegerField(default=0)),
                ('cancelled', models.IntegerField(default=0)),
                ('ratings', models.IntegerField(default=0)),
                ('satisfied', models.IntegerField(default=0)),
                ('agency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.agency')),
            ],
        ),
        # The release that still runs reads the table.
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name='DailyCount')]),
        migrations.AddConstraint(
            model_name='dailycapacity',
            constraint=models.UniqueConstraint(fields=('branch', 'day'), name='one_capacity_of_a_day'),
        ),
        migrations.AddIndex(
            model_name='dailyfact',
            index=models.Index(fields=['day', 'agency'], name='fact_by_day'),
        ),
        migrations.AddConstraint(
            model_name='dailyfact',
            constraint=models.UniqueConstraint(fields=('branch', 'day', 'procedure', 'channel', 'source', 'outcome'), name='one_fact_of_a_kind'),
        ),
        migrations.AddConstraint(
            model_name='dailyrating',
            constraint=models.UniqueConstraint(fields=('agency', 'day', 'procedure', 'channel', 'score'), name='one_count_of_a_score'),
        ),
        migrations.AddConstraint(
            model_name='dailysum',
            constraint=models.UniqueConstraint(fields=('agency', 'day'), name='one_sum_of_a_day'),
        ),
    ]
