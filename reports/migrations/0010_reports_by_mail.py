import accounts.sealing
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Tables for the reports that are sent by mail."""

    dependencies = [
        ('reports', '0009_demand_follows_days'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=accounts.sealing.random_key, editable=False, max_length=22, unique=True)),
                ('report', models.CharField(max_length=40)),
                ('query', models.CharField(blank=True, max_length=500)),
                ('agencies', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), null=True, size=None)),
                ('branches', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('period', models.CharField(choices=[('current', 'The month so far'), ('month', 'The last month'), ('quarter', 'The last quarter'), ('year', 'The last twelve months')], max_length=7)),
                ('attachment', models.CharField(choices=[('xlsx', 'Excel workbook (XLSX)'), ('csv', 'CSV for programs'), ('excel', 'CSV for Excel')], max_length=5)),
                ('schedule', models.CharField(choices=[('weekly', 'Every Monday'), ('monthly', 'On the 2nd of each month'), ('quarter', 'On the 2nd of January, April, July and October')], max_length=7)),
                ('language', models.CharField(choices=[('el', 'Greek'), ('en', 'English')], max_length=2)),
                ('last_day', models.DateField()),
                ('due_at', models.DateTimeField()),
                ('created_at', models.DateTimeField()),
                ('paused_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('end', models.CharField(blank=True, choices=[('rights', 'Who made it may not see these figures any more'), ('filters', 'The report, or what it was filtered by, does not exist any more'), ('over', 'The last day has passed'), ('stopped', 'Nobody wants to receive it any more')], max_length=8)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-created_at', '-pk'),
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('end', ''), ('ended_at__isnull', True)), models.Q(('ended_at__isnull', False), models.Q(('end', ''), _negated=True)), _connector='OR'), name='subscription_ends_for_a_reason')],
                'indexes': [models.Index(condition=models.Q(('ended_at__isnull', True), ('paused_at__isnull', True)), fields=['due_at'], name='subscription_due')],
            },
        ),
        migrations.CreateModel(
            name='Recipient',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(default=accounts.sealing.random_key, editable=False, max_length=22, unique=True)),
                ('stopped_at', models.DateTimeField(blank=True, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('subscription', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='recipients', to='reports.subscription')),
            ],
            options={
                'ordering': ('pk',),
                'constraints': [models.UniqueConstraint(fields=('subscription', 'user'), name='once_on_a_list')],
            },
        ),
        migrations.CreateModel(
            name='Sending',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('moment', models.DateTimeField()),
                ('left_out', models.PositiveSmallIntegerField(default=0)),
                ('state', models.CharField(choices=[('pending', 'To be sent'), ('sent', 'Sent'), ('failed', 'Failed'), ('returned', 'Came back'), ('refused', 'Not sent: may not see these figures'), ('dropped', 'No longer needed')], default='pending', max_length=8)),
                ('retry_at', models.DateTimeField()),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('leased_until', models.DateTimeField(blank=True, null=True)),
                ('last_error', models.CharField(blank=True, max_length=250)),
                ('recipient', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sendings', to='reports.recipient')),
            ],
            options={
                'ordering': ('moment', 'pk'),
                'indexes': [models.Index(condition=models.Q(('state', 'pending')), fields=['retry_at'], name='sending_due'), models.Index(fields=['moment'], name='sending_moment')],
                'constraints': [models.UniqueConstraint(fields=('recipient', 'moment'), name='one_mail_of_a_moment')],
            },
        ),
    ]
