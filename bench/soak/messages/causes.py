"""Each cause: what is done to the product or to a peer, and what may come of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.soak.messages.stage import MEDIA, Stage

WRONG_BY = 15  # seconds
HANGING = 4.0  # seconds


@dataclass(frozen=True)
class Cause:
    """`must` are the columns of the ledger that the cause must fill, `may` those that it may fill. All others are nought."""

    name: str
    do: Callable[[Stage], None]
    must: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    long: bool = False  # not among the few that the tests have time for


# Processes


def _part_killed(part: str) -> Callable[[Stage], None]:
    def do(stage: Stage) -> None:
        with stage.booking():
            stage.kill(part)

    return do


def _children_killed(part: str) -> Callable[[Stage], None]:
    def do(stage: Stage) -> None:
        with stage.booking():
            stage.kill_children(part)

    return do


def _restarted(part: str) -> Callable[[Stage], None]:
    def do(stage: Stage) -> None:
        with stage.booking():
            stage.restart(part)

    return do


def _hung(part: str) -> Callable[[Stage], None]:
    def do(stage: Stage) -> None:
        with stage.booking(), stage.hung(part):
            time.sleep(HANGING)

    return do


def _clock(part: str, seconds: int) -> Callable[[Stage], None]:
    def do(stage: Stage) -> None:
        with stage.clock(part, seconds):
            stage.book()
            for peer in MEDIA:
                stage.sees_state(peer, "sent")

    return do


def _worker_killed_before_the_mail_is_taken(stage: Stage) -> None:
    with stage.mood("mail", "RCPT hangs"):
        stage.book()
        stage.sees("mail")
        stage.sees_state("sms", "sent")
        stage.kill("worker")


def _process_killed_after_the_mail_is_taken(stage: Stage) -> None:
    with stage.mood("mail", "taken hangs"):
        stage.book()
        stage.sees("mail")
        stage.kill_talking("mail")


def _process_killed_with_an_sms(stage: Stage) -> None:
    with stage.mood("sms", "taken hangs"):
        stage.book()
        stage.sees("sms")
        stage.kill_talking("sms")


# Peers


def _left_alone(peer: str, mood: str) -> Callable[[Stage], None]:
    """The peer is in this mood until the product leaves it alone."""

    def do(stage: Stage) -> None:
        with stage.mood(peer, mood):
            stage.book()
            stage.sees_away(peer)

    return do


def _answered(peer: str, mood: str) -> Callable[[Stage], None]:
    """The peer is in this mood until it has answered so for each message."""

    def do(stage: Stage) -> None:
        with stage.mood(peer, mood):
            stage.book()
            stage.sees(peer, 3)

    return do


def _refused(peer: str, mood: str) -> Callable[[Stage], None]:
    """The peer is in this mood until all messages have failed."""

    def do(stage: Stage) -> None:
        with stage.mood(peer, mood):
            stage.book()
            stage.sees_state(peer, "failed")

    return do


DOUBLED, PERHAPS, FAILED = frozenset({"doubled"}), frozenset({"perhaps"}), frozenset({"failed"})
# A worker may be killed in the very instant in which it tells a peer.
ANY = DOUBLED | PERHAPS

CAUSES = (
    Cause("nothing", Stage.book),
    Cause("mail server refuses connections", _left_alone("mail", "refuses")),
    Cause("mail server takes connections and is silent", _left_alone("mail", "silent"), long=True),
    Cause("mail server takes the mail and dies", _left_alone("mail", "taken dies"), must=DOUBLED),
    Cause("mail server takes the mail and does not say so", _left_alone("mail", "taken hangs"), must=DOUBLED),
    Cause("mail server answers 451", _answered("mail", "RCPT 451 4.7.1 Later")),
    Cause("mail server answers 421", _left_alone("mail", "RCPT 421 4.3.2 Closing"), long=True),
    Cause("mail server answers 451 to the whole mail", _answered("mail", "DATA 451 4.3.0 Later"), long=True),
    Cause("mail server answers 550", _refused("mail", "RCPT 550 5.1.1 No such user"), must=FAILED),
    Cause("mail server answers 554 to the whole mail", _refused("mail", "DATA 554 5.7.1 No"), must=FAILED),
    Cause("mail server killed", _part_killed("mail"), may=DOUBLED, long=True),
    Cause("gateway takes the SMS and does not answer", _left_alone("sms", "taken hangs"), must=PERHAPS),
    Cause("gateway takes the SMS and dies", _left_alone("sms", "taken dies"), must=PERHAPS, long=True),
    Cause("gateway answers 503", _left_alone("sms", "503"), long=True),
    Cause("gateway answers 400", _refused("sms", "400"), must=FAILED),
    Cause("gateway killed", _part_killed("sms"), may=PERHAPS, long=True),
    Cause("web killed", _part_killed("web")),
    Cause("processes of web killed", _children_killed("web"), long=True),
    Cause("worker killed before the mail is taken", _worker_killed_before_the_mail_is_taken),
    Cause("worker's process killed after the mail is taken", _process_killed_after_the_mail_is_taken, must=DOUBLED),
    Cause("worker's process killed with an SMS in its hands", _process_killed_with_an_sms, must=PERHAPS),
    Cause("all processes of the worker killed", _children_killed("worker"), may=ANY, long=True),
    Cause("beat killed", _part_killed("beat")),
    Cause("Redis killed", _part_killed("redis")),
    Cause("Redis stopped", _restarted("redis"), long=True),
    Cause("Redis hung", _hung("redis")),
    Cause("PostgreSQL restarted", _restarted("postgres"), may=ANY),
    Cause("PostgreSQL killed", _part_killed("postgres"), may=ANY, long=True),
    Cause("beat's clock 15 s ahead of the worker's", _clock("beat", WRONG_BY)),
    Cause("beat's clock 15 s behind the worker's", _clock("beat", -WRONG_BY), long=True),
    Cause("worker's clock 15 s ahead of beat's", _clock("worker", WRONG_BY)),
    Cause("worker's clock 15 s behind beat's", _clock("worker", -WRONG_BY), long=True),
)
