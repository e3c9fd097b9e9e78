from django.db import migrations, models


class Migration(migrations.Migration):
    """A token of an agency's system ends by itself."""

    dependencies = [
        ('agencies', '0016_how_often_a_person_may_have_a_service'),
    ]

    operations = [
        migrations.AddField(
            model_name='systemtoken',
            name='ends_at',
            field=models.DateTimeField(blank=True, help_text='Make a new token before, give it to the system, and switch the old one off. Empty: until it is switched off.', null=True, verbose_name='valid until'),
        ),
    ]
