import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """How long people wait for a free time, and what they do not find."""

    dependencies = [
        ('agencies', '0014_searches_in_vain'),
        ('reports', '0007_page_views'),
    ]

    operations = [
        migrations.CreateModel(
            name='DailyDemand',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('channel', models.CharField(blank=True, max_length=10)),
                ('device', models.CharField(max_length=8)),
                ('language', models.CharField(max_length=2)),
                ('held', models.IntegerField(default=0)),
                ('filled', models.IntegerField(default=0)),
                ('booked', models.IntegerField(default=0)),
                ('nothing_free', models.IntegerField(default=0)),
                ('went_away', models.IntegerField(default=0)),
                ('agency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.agency')),
                ('branch', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.branch')),
                ('procedure', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.procedure')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'branch', 'procedure', 'channel', 'device', 'language'), name='one_demand_of_a_kind', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='DailySearch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('language', models.CharField(max_length=2)),
                ('text', models.CharField(blank=True, max_length=60)),
                ('visitors', models.IntegerField(default=0)),
                ('crowd', models.BigIntegerField(default=0)),
                ('agency', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.agency')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'text', 'agency', 'language'), name='one_search_of_a_day', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='DailyWait',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('channel', models.CharField(max_length=10)),
                ('first_days', models.SmallIntegerField(null=True)),
                ('third_days', models.SmallIntegerField(null=True)),
                ('reach_days', models.SmallIntegerField(null=True)),
                ('agency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.agency')),
                ('branch', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.branch')),
                ('procedure', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.procedure')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('branch', 'day', 'procedure', 'channel'), name='one_wait_of_a_kind')],
                'indexes': [models.Index(fields=['day'], name='wait_by_day')],
            },
        ),
        migrations.CreateModel(
            name='MonthlyWait',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField()),
                ('channel', models.CharField(max_length=10)),
                ('first_days', models.SmallIntegerField(null=True)),
                ('rows', models.IntegerField(default=0)),
                ('agency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.agency')),
                ('branch', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.branch')),
                ('procedure', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.procedure')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('branch', 'month', 'procedure', 'channel', 'first_days'), name='one_monthly_wait', nulls_distinct=False)],
                'indexes': [models.Index(fields=['month', 'agency'], name='wait_by_month')],
            },
        ),
        migrations.CreateModel(
            name='MonthlyDemand',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('month', models.DateField()),
                ('channel', models.CharField(blank=True, max_length=10)),
                ('device', models.CharField(max_length=8)),
                ('language', models.CharField(max_length=2)),
                ('held', models.IntegerField(default=0)),
                ('filled', models.IntegerField(default=0)),
                ('booked', models.IntegerField(default=0)),
                ('nothing_free', models.IntegerField(default=0)),
                ('went_away', models.IntegerField(default=0)),
                ('rows', models.IntegerField(default=0)),
                ('agency', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.agency')),
                ('branch', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.branch')),
                ('procedure', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.procedure')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('month', 'branch', 'procedure', 'channel', 'device', 'language'), name='one_monthly_demand', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='SettledDay',
            fields=[('day', models.DateField(primary_key=True, serialize=False))],
        ),
        migrations.CreateModel(
            name='SampledDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('sampled_at', models.DateTimeField()),
                ('branch', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agencies.branch')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'branch'), name='one_sample_of_a_day')],
            },
        ),
    ]
