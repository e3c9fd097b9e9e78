import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    """The field has a truer name; the column keeps its own, so the code before this one runs on."""

    dependencies = [
        ('agencies', '0003_staff_day'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField(model_name='agency', old_name='lead_minutes', new_name='notice_minutes'),
                migrations.AlterField(
                    model_name='agency',
                    name='notice_minutes',
                    field=models.PositiveIntegerField(db_column='lead_minutes', default=60, validators=[django.core.validators.MaxValueValidator(43200)], verbose_name='last booking, minutes before'),
                ),
            ],
        ),
    ]
