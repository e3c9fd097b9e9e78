
import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    """Appointments keep their promised time when a clock changes; a disruption names those that cannot be kept."""

    dependencies = [
        ("appointments", "0019_promised_times"),
    ]

    operations = [
        migrations.AddField(
            model_name='disruption',
            name='fallen',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), editable=False, null=True, size=None),
        ),
        migrations.AlterField(
            model_name='alert',
            name='kind',
            field=models.CharField(choices=[('no_time', 'No free time'), ('unplaced', 'Appointments that no longer fit'), ('off_clock', 'Appointments on a changed clock')], max_length=10, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='event',
            name='verb',
            field=models.CharField(choices=[('hold', 'Time held'), ('book', 'Booked'), ('request', 'Requested'), ('verify', 'E-mail address confirmed: booked'), ('move', 'Moved'), ('cancel', 'Cancelled'), ('release', 'Held time given back'), ('expire', 'Expired'), ('assign', 'Assigned'), ('keep', 'Kept on a changed clock'), ('check_in', 'Arrived'), ('admit', 'In the queue'), ('call', 'Called'), ('call_again', 'Called again'), ('serve', 'Service begun'), ('interrupt', 'Service interrupted'), ('park', 'Parked'), ('return', 'Back in the queue'), ('forward', 'Forwarded'), ('complete', 'Completed'), ('miss', 'Did not come'), ('give_up', 'Left the queue'), ('close', 'The day ended'), ('sit', 'Sat down'), ('pause', 'Paused'), ('resume', 'Resumed'), ('leave', 'Left the desk'), ('disrupt', 'Times closed'), ('offer', 'Another time offered'), ('accept', 'Offer accepted'), ('lapse', 'No answer in time'), ('settle', 'Offer ended'), ('room', 'Room of the video call made'), ('no_room', 'The room of the video call could not be made'), ('tell', 'Message sent'), ('fail', 'Message did not arrive'), ('past', 'Earlier steps')], max_length=10, verbose_name='what'),
        ),
        migrations.AlterField(
            model_name='notification',
            name='kind',
            field=models.CharField(choices=[('verify', 'Please confirm'), ('confirmation', 'Confirmation'), ('reminder', 'Reminder'), ('moved', 'New time'), ('kept', 'Same time, the clock has changed'), ('cancelled', 'Cancellation'), ('rating', 'How was it?'), ('offer', 'Another time is offered'), ('delayed', 'It will be later'), ('summary', 'What was done')], max_length=12, verbose_name='kind'),
        ),
    ]
