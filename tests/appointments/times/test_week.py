"""How the times of a day stand on the page: by the part of the day, and many of them by the hour."""

import re
from datetime import datetime, time, timedelta

import pytest
from django.test import Client

from appointments.times.week import MANY, Day, LocalTime
from tests.builders import TUESDAY, an_open_branch
from tests.pages import text_of

BOOK = "/mykeplive/kep-dilosi/book/time/?channel=in_person&branch=kep-chania"


def a_day(number: int, minutes: int = 10) -> Day:
    first = datetime.combine(TUESDAY, time(8))
    times = (LocalTime(each, first + timedelta(minutes=each * minutes)) for each in range(number))
    return Day(TUESDAY, tuple(times))


def test_few_times_stand_by_the_part_of_the_day() -> None:
    day = a_day(MANY, minutes=20)
    assert day.hours == []
    assert [[len(hour.times) for hour in hours] for _part, hours in day.parts] == [[12], [12]]


def test_many_times_stand_by_the_hour() -> None:
    day = a_day(60)
    assert day.hours == [time(hour) for hour in range(8, 18)]
    assert [[hour.since for hour in hours] for _part, hours in day.parts] == [
        [time(8), time(9), time(10), time(11)],
        [time(12), time(13), time(14), time(15), time(16)],
        [time(17)],
    ]
    assert all(
        one.starts_at.hour == hour.since.hour
        for _, hours in day.parts
        for hour in hours
        for one in hour.times
        if hour.since
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_page_of_many_times_has_a_heading_and_a_link_for_each_hour(client: Client) -> None:
    an_open_branch()
    page = text_of(client.get(BOOK))
    headings = re.findall(r'<h4[^>]* id="(hour-\d\d)">(\d\d:00)</h4>', page)
    assert headings == [(f"hour-{hour:02}", f"{hour:02}:00") for hour in range(8, 14)]
    assert re.findall(r'href="#(hour-\d\d)">(\d\d:00)<', page) == headings
    assert page.count('name="slot"') == 36
