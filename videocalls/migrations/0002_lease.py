from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videocalls", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="videocall",
            name="leased_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="leased until"),
        ),
    ]
