from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agencies", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="agency",
            name="video_provider",
            field=models.CharField(
                choices=[("room", "None: the officer calls by telephone"), ("jitsi", "Jitsi")],
                default="room",
                max_length=20,
                verbose_name="video provider",
            ),
        ),
    ]
