from django.db import migrations, models


class Migration(migrations.Migration):
    """How far visitors of the booking pages came, for two days."""

    dependencies = [
        ('appointments', '0041_rated_visits'),
    ]

    operations = [
        migrations.CreateModel(
            name='Journey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('agency_id', models.BigIntegerField()),
                ('procedure_id', models.BigIntegerField()),
                ('channel', models.CharField(blank=True, choices=[('in_person', 'In person'), ('video', 'By video call'), ('phone', 'By telephone')], max_length=10)),
                ('device', models.CharField(choices=[('phone', 'Phone'), ('tablet', 'Tablet'), ('computer', 'Computer')], max_length=8)),
                ('language', models.CharField(choices=[('el', 'Greek'), ('en', 'English')], max_length=2)),
                ('day', models.DateField()),
                ('visitor', models.CharField(max_length=32)),
                ('branch_id', models.BigIntegerField()),
                ('token', models.CharField(max_length=32, unique=True)),
                ('held_at', models.DateTimeField()),
                ('filled_at', models.DateTimeField(null=True)),
                ('appointment_id', models.BigIntegerField(null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['day'], name='journey_by_day')],
            },
        ),
        migrations.CreateModel(
            name='NothingFree',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('agency_id', models.BigIntegerField()),
                ('procedure_id', models.BigIntegerField()),
                ('channel', models.CharField(blank=True, choices=[('in_person', 'In person'), ('video', 'By video call'), ('phone', 'By telephone')], max_length=10)),
                ('device', models.CharField(choices=[('phone', 'Phone'), ('tablet', 'Tablet'), ('computer', 'Computer')], max_length=8)),
                ('language', models.CharField(choices=[('el', 'Greek'), ('en', 'English')], max_length=2)),
                ('day', models.DateField()),
                ('visitor', models.CharField(max_length=32)),
                ('branch_id', models.BigIntegerField(null=True)),
                ('at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'visitor', 'procedure_id', 'channel', 'branch_id'), name='told_once_a_day', nulls_distinct=False)],
            },
        ),
    ]
