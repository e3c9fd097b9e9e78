import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """How often a person may have a service, and services that count together."""

    bearable = {"adding-foreign-key-constraint": "there are a few hundred services, and the categories are new"}

    dependencies = [
        ('agencies', '0015_level_of_assurance'),
    ]

    operations = [
        migrations.AddField(
            model_name='procedure',
            name='days_between',
            field=models.PositiveSmallIntegerField(blank=True, db_default=0, default=0, help_text='0 means that there may be several on one day.', validators=[django.core.validators.MaxValueValidator(366)], verbose_name='days from one appointment of a person to the next'),
        ),
        migrations.AddField(
            model_name='procedure',
            name='period_days',
            field=models.PositiveSmallIntegerField(blank=True, db_default=30, default=30, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(366)], verbose_name='length of the period, days'),
        ),
        migrations.AddField(
            model_name='procedure',
            name='period_limit',
            field=models.PositiveSmallIntegerField(blank=True, help_text='Also past ones count, but not cancelled ones. Empty means any number.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='most appointments per person in a period'),
        ),
        migrations.CreateModel(
            name='Category',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name_el', models.CharField(max_length=200, verbose_name='name (Greek)')),
                ('name_en', models.CharField(max_length=200, verbose_name='name (English)')),
                ('open_limit', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)], verbose_name='open appointments per person')),
                ('agency', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='categories', to='agencies.agency', verbose_name='agency')),
            ],
            options={
                'verbose_name': 'category of services',
                'verbose_name_plural': 'categories of services',
                'ordering': ('agency', 'pk'),
            },
        ),
        migrations.AddField(
            model_name='procedure',
            name='category',
            field=models.ForeignKey(blank=True, db_index=False, help_text='Services of one category share a limit of open appointments per person.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='procedures', to='agencies.category', verbose_name='category'),
        ),
    ]
