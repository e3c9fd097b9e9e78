import time

import pytest
from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis

from mydesklive.local import redis
from mydesklive.local.places import Place


def test_data_outlives_a_restart(place: Place):
    with redis.running(place) as url, Redis.from_url(url) as client:
        client.set("kept", "1")
    with redis.running(place) as url, Redis.from_url(url) as client:
        assert client.get("kept") == b"1"


def test_a_server_left_behind_gives_way_to_the_next(place: Place):
    with redis.running(place) as url:
        with Redis.from_url(url) as client:
            first = client.info()["process_id"]
        with redis.running(place) as next_url, Redis.from_url(next_url) as client:
            assert client.info()["process_id"] != first


def test_publishing_fails_at_once_while_redis_is_away_and_works_when_it_is_back(place: Place):
    app = Celery("desk", set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.broker_url = f"redis+socket://{place.sockets}/redis.sock"
    for _ in range(2):
        with redis.running(place):
            app.send_task("ring the bell")
        started = time.perf_counter()
        with pytest.raises(OperationalError):
            app.send_task("ring the bell")
        assert time.perf_counter() - started < 0.1
