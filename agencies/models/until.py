"""The time of day until which something lasts. Midnight is the end of the day, because nothing ends where its day begins."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.db import models

MIDNIGHT, DAY = time(), timedelta(days=1)
# SQL: {until} as a time that can be compared. PostgreSQL has a 24:00, Python has not, so 00:00 is stored.
UNTIL = "coalesce(nullif({until}, '00:00'::time), '24:00'::time)"


class UntilInput(forms.TimeField):
    """A time in a form. “24:00” is understood too."""

    def to_python(self, value: Any) -> time | None:
        return MIDNIGHT if _is_end_of_day(value) else super().to_python(value)


class UntilField(models.TimeField):
    """A time of day until which something lasts. 00:00 is the end of the day."""

    def to_python(self, value: Any) -> time | None:
        return MIDNIGHT if _is_end_of_day(value) else super().to_python(value)

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": UntilInput, **kwargs})


def after(begins: str, until: str) -> models.Q:
    """Returns a condition on two columns: until is later than begins."""
    return models.Q(**{f"{until}__gt": models.F(begins)}) | models.Q(**{until: MIDNIGHT})


def is_after(begins: time, until: time) -> bool:
    return until == MIDNIGHT or begins < until


def end_on(day: date, until: time) -> datetime:
    """Returns the local time (naive) at which something ends that lasts until this time of the day."""
    return datetime.combine(day + DAY if until == MIDNIGHT else day, until)


def minutes_until(until: time) -> int:
    """Returns the minutes from the beginning of the day, 24 hours for midnight."""
    return (until.hour * 60 + until.minute) or 24 * 60


def hours(begins: time, until: time) -> str:
    """Returns the hours in digits: “20:00–24:00”."""
    minutes = minutes_until(until)
    return f"{begins:%H:%M}–{minutes // 60:02}:{minutes % 60:02}"


def _is_end_of_day(value: Any) -> bool:
    return isinstance(value, str) and value.strip() in {"24:00", "24:00:00"}
