from django.db import migrations, models


class Migration(migrations.Migration):
    """Nobody knows of some messages whether they were sent. Only the lists of choices change, not the tables."""

    dependencies = [("appointments", "0030_where_messages_went")]

    operations = [
        migrations.AlterField(
            model_name='event',
            name='verb',
            field=models.CharField(choices=[('hold', 'Time held'), ('book', 'Booked'), ('request', 'Requested'), ('verify', 'E-mail address confirmed: booked'), ('move', 'Moved'), ('cancel', 'Cancelled'), ('release', 'Held time given back'), ('expire', 'Expired'), ('assign', 'Assigned'), ('keep', 'Kept on a changed clock'), ('check_in', 'Arrived'), ('admit', 'In the queue'), ('call', 'Called'), ('call_again', 'Called again'), ('serve', 'Service begun'), ('interrupt', 'Service interrupted'), ('park', 'Parked'), ('return', 'Back in the queue'), ('forward', 'Forwarded'), ('complete', 'Completed'), ('miss', 'Did not come'), ('give_up', 'Left the queue'), ('close', 'The day ended'), ('sit', 'Sat down'), ('pause', 'Paused'), ('resume', 'Resumed'), ('leave', 'Left the desk'), ('disrupt', 'Times closed'), ('offer', 'Another time offered'), ('accept', 'Offer accepted'), ('lapse', 'No answer in time'), ('settle', 'Offer ended'), ('room', 'Room of the video call made'), ('no_room', 'The room of the video call could not be made'), ('tell', 'Message sent'), ('fail', 'Message did not arrive'), ('doubt', 'Message perhaps sent'), ('past', 'Earlier steps')], max_length=10, verbose_name='what'),
        ),
        migrations.AlterField(
            model_name='notification',
            name='state',
            field=models.CharField(choices=[('pending', 'To be sent'), ('sending', 'Being sent'), ('sent', 'Sent'), ('failed', 'Failed'), ('bounced', 'Came back'), ('unsure', 'Perhaps sent'), ('dropped', 'No longer needed')], default='pending', max_length=8, verbose_name='state'),
        ),
    ]
