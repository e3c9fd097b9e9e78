import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mydesklive.local import places
from mydesklive.local.places import MAX_SOCKET_FOLDER


@pytest.mark.parametrize("name", ["a" * 120, "a folder with spaces", "φάκελος"])
def test_sockets_have_short_plain_paths(tmp_path: Path, name: str):
    place = places.prepare(tmp_path / name)
    try:
        assert len(os.fsencode(place.sockets)) <= MAX_SOCKET_FOLDER
        assert places.PLAIN_PATH.fullmatch(str(place.sockets))
        assert place.sockets.stat().st_mode & 0o777 == 0o700
    finally:
        place.remove()


def test_two_checkouts_share_no_socket(tmp_path: Path):
    first, second = places.prepare(tmp_path / ("a" * 120)), places.prepare(tmp_path / ("b" * 120))
    try:
        assert first.sockets != second.sockets
    finally:
        first.remove()
        second.remove()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's folders are moved")
def test_data_below_a_private_folder_of_root_is_kept_where_postgresql_reaches_it(tmp_path: Path):
    tmp_path.chmod(0o700)
    place = places.prepare(tmp_path / "local")
    try:
        assert place.moved
        assert place.owner is not None
        assert places.reachable(place.data, place.owner)
    finally:
        shutil.rmtree(place.data)
        place.remove()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_data_stays_with_the_user_it_was_made_by(tmp_path: Path):
    local = tmp_path / "local"
    (local / "postgres").mkdir(parents=True)
    os.chown(local / "postgres", 1, 1)
    place = places.prepare(local)
    try:
        assert place.owner is not None
        assert place.owner.pw_uid == 1
    finally:
        place.remove()


KILLED = """
import os, signal, sys
from mydesklive.local import places, redis
with places.throw_away("test-killed") as place, redis.running(place, throw_away=True):
    print(place.local, flush=True)
    sys.stdin.read()
"""


def test_folders_of_a_killed_run_are_removed_by_the_next_and_those_in_use_are_not():
    with (
        subprocess.Popen([sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed,
        places.throw_away("test-killed") as in_use,
    ):
        folder = Path(killed.stdout.readline().decode().strip())
        with places.throw_away("test-killed"):
            assert folder.exists()
        killed.kill()
        killed.wait()
        with places.throw_away("test-killed"):
            assert not folder.exists()
            assert in_use.local.exists()
    assert not in_use.local.exists()
