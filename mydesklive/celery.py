"""Background work: the Celery app of worker and beat, and the schedule of tasks."""

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import beat_init, celeryd_init, setup_logging, task_success, worker_init

from accounts.database.patience import TASK, set_usual
from mydesklive.checks import refuse_if_wrong

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mydesklive.settings")

app = Celery("mydesklive")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add("mydesklive.alive.worker:Step")

# No task expires. A clock of another machine would decide it, and sweeps that come together become one by themselves
# (accounts/work/lanes.py).
app.conf.beat_schedule = {
    "send codes": {"task": "accounts.tasks.send_codes", "schedule": 5.0},
    "forget mails about accounts": {"task": "accounts.tasks.forget_mails", "schedule": crontab(minute="20")},
    "deliver due mails": {"task": "appointments.tasks.deliver_due", "schedule": 10.0},
    "deliver urgent mails": {"task": "appointments.tasks.deliver_urgent", "schedule": 5.0},
    "deliver due SMS": {"task": "appointments.tasks.deliver_sms", "schedule": 10.0},
    "read the mailbox": {"task": "appointments.tasks.read_mailbox", "schedule": 20.0},
    "deliver urgent SMS": {"task": "appointments.tasks.deliver_urgent_sms", "schedule": 5.0},
    "expire holds and offers": {"task": "appointments.tasks.expire_due", "schedule": 15.0},
    "look after disruptions": {"task": "appointments.tasks.look_after_disruptions", "schedule": 15.0},
    "provide video calls": {"task": "appointments.tasks.provide_video_calls", "schedule": 30.0},
    "remove meetings": {"task": "appointments.tasks.remove_meetings", "schedule": 120.0},
    "let video rooms follow their appointments": {"task": "appointments.tasks.follow_windows", "schedule": 300.0},
    "forget who was in video rooms": {"task": "appointments.tasks.forget_calls", "schedule": 300.0},
    "tell whose turn it is": {"task": "appointments.tasks.tell_turns", "schedule": 5.0},
    "tell delays": {"task": "appointments.tasks.tell_delays", "schedule": 60.0},
    "free the desks of people who lost their role": {"task": "appointments.tasks.free_desks", "schedule": 60.0},
    # At every hour it is midnight in some time zone.
    "close the queues of past days": {"task": "appointments.tasks.close_past_days", "schedule": crontab(minute="7")},
    # During the hours when supervisors read their mail.
    "check alerts": {"task": "appointments.tasks.check_alerts", "schedule": crontab(hour="7-19", minute="5")},
    "publish time slots": {"task": "appointments.tasks.publish_all", "schedule": crontab(hour="2", minute="30")},
    "count changed days": {"task": "reports.tasks.count_changed", "schedule": 20.0},
    "count what visitors wanted": {"task": "reports.tasks.count_demand", "schedule": 600.0},
    # At each of these quarters it is nine o'clock in some time zone.
    "look up first free times": {"task": "reports.tasks.sample_waits", "schedule": crontab(minute="*/15")},
    "check the counts of reports": {"task": "reports.tasks.check_counts", "schedule": crontab(hour="4", minute="10")},
    "release the figures of past months": {"task": "reports.tasks.release_months", "schedule": crontab(minute="50")},
    "send reports by mail": {"task": "reports.tasks.send_reports", "schedule": 60.0},
    "forget reports by mail": {"task": "reports.tasks.forget_mailings", "schedule": crontab(hour="3", minute="25")},
    "load the holidays of the coming years": {
        "task": "agencies.tasks.load_coming_holidays",
        "schedule": crontab(hour="2", minute="0", day_of_month="1"),
    },
    "forget invitations": {"task": "agencies.tasks.forget_invitations", "schedule": crontab(hour="3", minute="35")},
    "end unused rights": {"task": "agencies.tasks.lapse_rights", "schedule": crontab(hour="7", minute="45")},
    "forget what is past": {"task": "appointments.tasks.forget", "schedule": crontab(hour="3", minute="10")},
    "clear old sessions": {"task": "mydesklive.tasks.clear_sessions", "schedule": crontab(hour="3", minute="15")},
    "clear old counts of limits": {"task": "mydesklive.tasks.clear_counts", "schedule": crontab(minute="20")},
}


@setup_logging.connect
def leave_logging_to_django(**kwargs: object) -> None:
    """Keeps the handlers of LOGGING. Celery replaces them if no function is connected here."""


@worker_init.connect
def be_patient(**kwargs: object) -> None:
    """Lets the worker wait longer for the database than a page. Its processes inherit this."""
    set_usual(TASK)


@celeryd_init.connect
@beat_init.connect
def refuse_to_start(**kwargs: object) -> None:
    """Ends a worker or beat whose configuration is wrong."""
    refuse_if_wrong()


@beat_init.connect
def watch_beat(**kwargs: object) -> None:
    from mydesklive.alive import beat  # models can be imported now

    beat.start()


@task_success.connect
def note_planned(sender: Any, result: object, **kwargs: object) -> None:
    from mydesklive.alive import planned

    planned.note(sender, result)
