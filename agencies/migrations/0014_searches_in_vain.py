from django.db import migrations, models


class Migration(migrations.Migration):
    """What visitors looked for in vain, for two days."""

    dependencies = [
        ('agencies', '0013_how_large_agencies_were'),
    ]

    operations = [
        migrations.CreateModel(
            name='Search',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('agency_id', models.BigIntegerField(null=True)),
                ('language', models.CharField(choices=[('el', 'Greek'), ('en', 'English')], max_length=2)),
                ('day', models.DateField()),
                ('at', models.DateTimeField()),
                ('text', models.CharField(blank=True, max_length=60)),
                ('network', models.CharField(max_length=32)),
                ('crowd', models.BigIntegerField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('day', 'network', 'text', 'agency_id', 'language'), name='searched_once_a_day', nulls_distinct=False)],
            },
        ),
    ]
