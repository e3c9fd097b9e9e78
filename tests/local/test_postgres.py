import os
import signal
import time
from contextlib import suppress

import psutil
import psycopg
import pytest

from mydesklive.local import postgres
from mydesklive.local.children import end, spawn
from mydesklive.local.places import LocalStackError, Place


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def server_pid(place: Place) -> int:
    return int((place.data / "postgres/postmaster.pid").read_text().split()[0])


def test_data_outlives_a_restart(place: Place):
    with postgres.running(place) as url:
        execute(url, "CREATE TABLE kept AS SELECT 1 AS number")
    with postgres.running(place) as url:
        assert execute(url, "SELECT number FROM kept") == [(1,)]


def test_committed_data_outlives_a_killed_server(place: Place):
    with postgres.running(place) as url:
        execute(url, "CREATE TABLE kept AS SELECT 1 AS number")
        os.kill(server_pid(place), signal.SIGKILL)
    with postgres.running(place) as url:
        assert execute(url, "SELECT number FROM kept") == [(1,)]


def test_a_pid_file_that_names_a_stranger_does_not_stop_the_start(place: Place):
    with postgres.running(place):
        pid_file = (place.data / "postgres/postmaster.pid").read_text()
    stranger = pid_file.replace(pid_file.split()[0], str(os.getpid()), 1)
    (place.data / "postgres/postmaster.pid").write_text(stranger)
    with postgres.running(place) as url:
        assert execute(url, "SELECT 1") == [(1,)]


def test_a_lock_that_names_a_stranger_does_not_stop_the_start(place: Place):
    stranger = spawn(["sleep", "600"], user=place.owner)
    try:
        with postgres.running(place):
            pass
        (place.sockets / ".s.PGSQL.5432.lock").write_text(f"{stranger.pid}\n{place.data}/postgres\n0\n5432\n")
        with postgres.running(place) as url:
            assert execute(url, "SELECT 1") == [(1,)]
        assert stranger.poll() is None
    finally:
        end(stranger)


def test_sessions_that_outlive_a_killed_server_end_before_the_next_starts(place: Place):
    with postgres.running(place) as url:
        connection = psycopg.connect(url)
        session = psutil.Process(connection.info.backend_pid)
        connection.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")  # never looks whether the server still lives
        time.sleep(0.5)
        os.kill(server_pid(place), signal.SIGKILL)
    assert session.is_running()
    with postgres.running(place) as url:
        assert execute(url, "SELECT 1") == [(1,)]
        assert not session.is_running() or session.status() == psutil.STATUS_ZOMBIE
    connection.close()


def test_a_first_start_that_was_interrupted_begins_again(place: Place):
    unfinished = place.data / "postgres.new"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    with postgres.running(place) as url:
        assert execute(url, "SELECT 1") == [(1,)]
    assert not unfinished.exists()


def test_a_folder_that_is_no_database_is_left_as_it_is(place: Place):
    with postgres.running(place) as url:
        execute(url, "CREATE TABLE kept AS SELECT 1 AS number")
    version = place.data / "postgres/PG_VERSION"
    written = version.read_bytes()
    version.unlink()
    with pytest.raises(LocalStackError, match="is not empty, but no database"), postgres.running(place):
        pass
    version.write_bytes(written)
    if place.owner:
        os.chown(version, place.owner.pw_uid, place.owner.pw_gid)
    with postgres.running(place) as url:
        assert execute(url, "SELECT number FROM kept") == [(1,)]


def test_a_server_left_behind_gives_way_to_the_next(place: Place):
    with postgres.running(place) as first_url:
        first = server_pid(place)
        with postgres.running(place) as url:
            assert server_pid(place) != first
            assert execute(url, "SELECT 1") == [(1,)]
        with pytest.raises(psycopg.OperationalError):
            execute(first_url, "SELECT 1")


def test_greek_letters_change_case(place: Place):
    with postgres.running(place) as url:
        assert execute(url, "SELECT lower('ΡΑΝΤΕΒΟΥ ΆΛΦΑ')") == [("ραντεβου άλφα",)]


def test_nobody_else_reaches_the_socket(place: Place):
    with postgres.running(place):
        assert place.sockets.stat().st_mode & 0o077 == 0


def test_the_server_ends_with_the_block(place: Place):
    with postgres.running(place):
        pid = server_pid(place)
    for _ in range(50):
        with suppress(ProcessLookupError):
            os.kill(pid, 0)
            time.sleep(0.05)
            continue
        return
    pytest.fail("still running")
