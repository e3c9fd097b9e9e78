from django.core.validators import MaxValueValidator
from django.db import migrations, models


class Migration(migrations.Migration):
    """Only the default of new agencies changes: those that exist keep what they have."""

    dependencies = [("agencies", "0017_tokens_that_end")]

    operations = [
        migrations.AlterField(
            model_name="agency",
            name="verify_minutes",
            field=models.PositiveSmallIntegerField(
                default=30,
                help_text="0: guests need not confirm, except on crowded days.",
                validators=[MaxValueValidator(1440)],
                verbose_name="guests confirm their e-mail within, minutes",
            ),
        ),
    ]
