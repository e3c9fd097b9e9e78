import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Indexes that another one covers, that are never asked, or that hold mostly nulls make each booking slower."""

    dependencies = [
        ('agencies', '0003_staff_day'),
        ('appointments', '0007_place_of_person'),
        ('videocalls', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='appointment',
            name='citizen',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='appointments', to=settings.AUTH_USER_MODEL, verbose_name="citizen's account"),
        ),
        migrations.AlterField(
            model_name='appointment',
            name='idempotency_key',
            field=models.CharField(editable=False, max_length=100, null=True),
        ),
        migrations.AlterField(
            model_name='notification',
            name='appointment',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='notifications', to='appointments.appointment', verbose_name='appointment'),
        ),
        migrations.AlterField(
            model_name='timeslot',
            name='branch',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='slots', to='agencies.branch', verbose_name='branch'),
        ),
        migrations.AddIndex(
            model_name='appointment',
            index=models.Index(condition=models.Q(('citizen__isnull', False)), fields=['citizen'], name='appointment_by_citizen'),
        ),
        migrations.AddConstraint(
            model_name='appointment',
            constraint=models.UniqueConstraint(condition=models.Q(('idempotency_key__isnull', False)), fields=('idempotency_key',), name='one_appointment_per_key'),
        ),
    ]
