"""Builders for tests of reports by mail: people whose address is proven, and lists."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import time_machine
from allauth.account.models import EmailAddress

from accounts.models import User
from reports import tasks
from reports.mailing import subscriptions
from reports.mailing.scope import Scope
from reports.models import Subscription
from tests.builders import NOW, a_user

ALL = Scope(agencies=None)


def proven(user: User) -> User:
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def an_official(email: str = "official@example.org", **fields: Any) -> User:
    return proven(a_user(email, is_official=True, **fields))


def a_list(user: User, *people: User, scope: Scope = ALL, now: datetime = NOW, **fields: Any) -> Subscription:
    said: dict[str, Any] = {
        "report": "index",
        "query": "",
        "period": "current",
        "attachment": "xlsx",
        "schedule": "weekly",
        "language": "en",
        "last_day": date(2027, 1, 1),
    }
    return subscriptions.subscribe(user, people or [user], scope=scope, now=now, **said | fields)


def run(at: datetime, task: Callable[[], None] = tasks.send_reports.run) -> None:
    """Has the worker look for what is due at this moment."""
    with time_machine.travel(at, tick=False):
        task()
