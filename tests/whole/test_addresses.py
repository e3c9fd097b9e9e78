"""Every address of the product, for everybody: no server error anywhere, and nothing about another branch's citizens."""

import re
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from html import unescape
from io import BytesIO
from itertools import cycle, product
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

import psycopg
import pytest
import time_machine
from django import forms
from django.apps import apps
from django.contrib import admin
from django.core import signing
from django.db import transaction
from django.db.models import CharField, Field, Model, Q, TextField, UniqueConstraint
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from pytest_django import DjangoDbBlocker
from rest_framework.views import APIView

from accounts.models import DemoMail, User
from agencies.models import Branch, Category, Channel, Invitation, Membership, Procedure, Role, Synonym, SystemToken
from appointments import counter
from appointments.api.appointments import SmallJSONParser
from appointments.booking.persons import encrypted
from appointments.models import Appointment, Disruption, Event, Feed, Notification, Queue, Reading, Ticket
from mydesklive.postgresql.connection import Cursor
from mydesklive.privacy import cookies
from mydesklive.staff.rights import MATRIX, RIGHTS, Reach, Rights, printed
from reports.models import Recipient, Subscription
from tests.builders import (
    GUEST,
    NOW,
    TUESDAY,
    a_branch,
    a_closure,
    a_desk,
    a_strike,
    a_user,
    an_agency,
    an_officer,
    an_open_branch,
    booked_at,
    by,
    minutes,
)
from tests.database.emptying import empty_database
from tests.pages import signed_in
from tests.reports.mailing.lists import a_list
from videocalls.models import VideoCall

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
NAME = "Ευφροσύνη"
METHODS = ("get", "post")
# Tells of people who do not exist, for everybody.
INVENTED = ("api-schema",)
# About an appointment, and closed to those too whom it concerns, with the reason.
OPEN_TO_NOBODY = {"admin:appointments_appointment_delete": "an appointment is cancelled, never deleted"}
# One for all, for it reads the middleware anew when it is made.
CLIENT = Client(raise_request_exception=False)
SIGN_IN = ("/accounts/login/", "/admin/login/")
OFFICERS = {"agent": "agent", "supervisor": "supervisor", "administrator": "agency_admin"}


@dataclass(frozen=True)
class Address:
    name: str
    parameters: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.name, *self.parameters))

    @property
    def is_about_an_appointment(self) -> bool:
        """Whether the page shows or changes one appointment, or the ticket that an officer serves."""
        at_the_desk = ("admin:appointments_serving", "admin:appointments_follow_up")
        return (
            ("reference" in self.parameters and not self.name.startswith("reports:"))
            or self.name.startswith(at_the_desk)
            or (self.name.startswith("admin:appointments_appointment_") and "object_id" in self.parameters)
        )


def addresses(resolver: URLResolver, namespace: str = "", above: tuple[str, ...] = ()) -> Iterator[Address]:
    """The named ones, with the names of what is filled in."""
    for pattern in resolver.url_patterns:
        parameters = above + tuple(pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from addresses(pattern, inner, parameters)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield Address(namespace + pattern.name, parameters)


ADDRESSES = sorted(set(addresses(get_resolver())), key=str)


# What is filled in


def row_of(address: Address) -> Model:
    """The row that an admin page is about: `admin:agencies_closure_change` is about a closure."""
    if address.name.startswith("demo-mail"):
        return DemoMail.objects.get()
    app, model, _page = address.name.removeprefix("admin:").split("_", maxsplit=2)
    return apps.get_model(app, model)._default_manager.earliest("pk")


def object_id(address: Address) -> str:
    row = row_of(address)
    return row.reference if isinstance(row, Appointment) else str(row.pk)


def reference(address: Address) -> str:
    """Of who came today; on the pages of a disruption, of who was offered another time; elsewhere of a report by mail."""
    if address.name.startswith("reports:"):
        return Subscription.objects.get().reference
    theirs = Appointment.objects.filter(name=NAME)
    if address.name.startswith("admin:appointments_call"):
        return theirs.get(channel=Channel.VIDEO).reference
    falls_out = address.name.startswith("admin:appointments_disruption")
    return (theirs.latest("starts_at") if falls_out else theirs.earliest("starts_at")).reference


def code(address: Address) -> str:
    """Of a ticket at the desk and in the hall; elsewhere of a service or a branch."""
    if address.name.startswith("branch"):
        return "kep-chania"
    of_ticket = address.name.removeprefix("admin:").startswith(
        ("appointments_serving", "appointments_follow_up", "appointments:ticket", "appointments:kiosk_ticket")
    )
    return Ticket.objects.get().code if of_ticket else "kep-dilosi"


def key(address: Address) -> str:
    if address.name == "appointments:feed":
        return Feed.objects.get().key
    if address.name == "reports:sending-stop":
        return Recipient.objects.get().key
    if address.name == "account_reset_password_from_key":
        return "set-password"
    if address.name == "invitation":
        return "unknown"
    queue = Queue.objects.get()
    return queue.display_key if address.name == "appointments:display" else queue.kiosk_key


VALUES: dict[str, Callable[[Address], Any]] = {
    "app_label": lambda _address: "appointments",
    "branch": lambda _address: "kep-chania",
    "code": code,
    "colours": lambda _address: "003375",
    "content_type_id": lambda _address: 1,
    "dataset": lambda _address: "services",
    "key": key,
    "kind": lambda _address: "confirmation",
    "language": lambda _address: "el",
    "medium": lambda _address: "email",
    "message": lambda address: Notification.objects.filter(appointment__reference=reference(address)).earliest("pk").pk,
    "month": lambda _address: "2026-01",
    "object_id": object_id,
    "part": lambda _address: 0,
    "pk": lambda address: 1 if address.name.startswith("mfa_") else row_of(address).pk,
    "platform_slug": lambda _address: "mykeplive",
    "provider_id": lambda _address: "europe",
    "reference": reference,
    "room": lambda _address: VideoCall.objects.get().room,
    "slug": lambda _address: "kep",
    "step": lambda address: "phone" if address.name.endswith("call_step") else "next",
    "token": lambda _address: "a" * 22,
    "uidb36": lambda _address: "1",
    "why": lambda _address: "away",
}
# Not a page about one row of its model, though a row is named.
VALUES_OF: dict[tuple[str, str], Any] = {("admin:view_on_site", "object_id"): 1}


def url_of(address: Address) -> str:
    unknown = set(address.parameters) - VALUES.keys()
    assert not unknown, f"Tell VALUES in {__name__} what to fill in for {unknown} of {address.name}."
    filled = {name: VALUES_OF.get((address.name, name)) or VALUES[name](address) for name in address.parameters}
    return reverse(address.name, kwargs=filled)


# Who comes


@dataclass(frozen=True)
class People:
    """Everybody by name, with the key of the session."""

    strangers: dict[str, str]
    insiders: dict[str, str]

    @property
    def all(self) -> dict[str, str]:
        return self.strangers | self.insiders


@pytest.fixture(scope="module")
def people(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[People]:
    """One branch and everybody who comes to it, for all the tests here: each of them is rolled back to this."""
    with django_db_blocker.unblock(), time_machine.travel(NOW, tick=False):
        branch = a_branch_with_everything()
        everybody = People(sessions(strangers(branch)), sessions(insiders(branch)))
    yield everybody
    with django_db_blocker.unblock():
        empty_database()


def a_branch_with_everything() -> Branch:
    """A branch with a row of everything: what is booked, who came, a strike, a closure, a desk, screens and a feed."""
    branch = an_open_branch()
    officer = an_officer(branch)
    appointment = booked_at(branch, 9, name=NAME, citizen=a_user())
    booked_at(branch, 9, day=TUESDAY, name=NAME)
    desk = a_desk(branch, officer)
    Feed.objects.create(branch=branch, made_by=officer, made_at=NOW)
    Category.objects.create(agency=branch.agency, name_el="Βεβαιώσεις", name_en="Certificates")
    Synonym.objects.create(code="affidavit", agency=branch.agency, words="ένορκη βεβαίωση")
    SystemToken.objects.create(agency=branch.agency, label="Μητρώο", digest=SystemToken.digest_of("secret"))
    Invitation.objects.create(
        email="new@example.org", agency=branch.agency, digest="x", sent_at=NOW, expires_at=NOW + minutes(60)
    )
    DemoMail.objects.create(recipient="citizen@example.org", subject="Θέμα", source="Subject: Θέμα\n\nΚείμενο")
    by_video = booked_at(branch, 10, channel=Channel.VIDEO, name=NAME, phone="6900000000")
    by_video.video_call = VideoCall.objects.create(provider="room", opens_at=NOW, closes_at=NOW + minutes(60))
    by_video.save()
    by_video.video_call.participants.create(role="guest", key="guest-1", token="a" * 22)
    ticket = counter.check_in(appointment, by=GUEST, now=NOW)
    counter.serve(counter.call(ticket, desk, by=by(officer), now=NOW), by=by(officer), now=NOW)
    a_closure(branch, TUESDAY)
    a_strike(branch)
    a_list(a_user("reader@example.org", is_official=True))
    return branch


def strangers(branch: Branch) -> dict[str, User | None]:
    """Who has nothing to do with the branch's citizens."""
    other = a_branch(branch.agency, "kep-rethymno")
    abroad = an_agency("egdix")
    at_sea = a_branch(abroad, "egdix-piraeus")
    return {
        "anonymous": None,
        "citizen": a_user("another@example.org"),
        "agent of another branch": an_officer(other, Role.AGENT, "agent.elsewhere@example.org"),
        "supervisor of another branch": an_officer(other, Role.SUPERVISOR, "supervisor.elsewhere@example.org"),
        "agent of another agency": an_officer(at_sea, Role.AGENT, "agent.at.sea@example.org"),
        "supervisor of another agency": an_officer(at_sea, Role.SUPERVISOR, "supervisor.at.sea@example.org"),
        "administrator of another agency": an_officer(abroad, Role.AGENCY_ADMIN, "admin.elsewhere@example.org"),
        "official": a_user("official@example.org", is_official=True),
        "operator": a_user("operator@example.org", is_operator=True),
    }


def insiders(branch: Branch) -> dict[str, User]:
    return {
        "who booked": User.objects.get(email="citizen@example.org"),
        "agent": User.objects.get(email="agent@example.org"),
        "supervisor": an_officer(branch, Role.SUPERVISOR, "supervisor@example.org"),
        "administrator": an_officer(branch.agency, Role.AGENCY_ADMIN, "administrator@example.org"),
    }


def sessions(people: Mapping[str, User | None]) -> dict[str, str]:
    return {name: signed_in(Client(), user).cookies["sessionid"].value if user else "" for name, user in people.items()}


def asked(people: dict[str, str], url: str) -> dict[tuple[str, str], HttpResponse]:
    """What everybody gets, by each method."""
    return {(name, method): answer(key, url, method) for (name, key), method in product(people.items(), METHODS)}


def answer(session: str, url: str, method: str) -> HttpResponse:
    """What the person gets, and whether it is a look at a record; the database is afterwards as it was."""

    def ask() -> HttpResponse:
        response = whole(asked_once(url, method))
        response.has_looked = Reading.objects.exists()
        return response

    return sent(session, ask)


def ticket_code() -> str:
    return Ticket.objects.get().code


def sent(session: str, send: Callable[[], HttpResponse]) -> HttpResponse:
    CLIENT.cookies.clear()
    CLIENT.cookies["sessionid"] = session
    with transaction.atomic():
        response = whole(send())
        transaction.set_rollback(True)
    return response


def whole(response: HttpResponse) -> HttpResponse:
    """The answer, to be read more than once, which a stream cannot."""
    if not response.streaming:
        return response
    read = HttpResponse(response.getvalue(), status=response.status_code, headers=response.headers)
    read.request, read.wsgi_request = response.request, response.wsgi_request
    return read


def is_refused(response: HttpResponse) -> bool:
    if response.status_code == 302:
        return response.headers["Location"].split("?")[0].removeprefix("/en") in SIGN_IN
    return response.status_code in (401, 403, 404, 405)


def polled(session: str, response: HttpResponse) -> list[HttpResponse]:
    """The answers at the addresses that the page gives to its scripts."""
    return [answer(session, url, "get") for url in polled_by(response)]


def polled_by(response: HttpResponse) -> list[str]:
    found = set(re.findall(r'\sdata-[\w-]+="(/[^"]*)"', response.content.decode(errors="replace")))
    return [unescape(url) for url in sorted(found)]


def tells(text: str, secret: str) -> bool:
    """Whether the secret can be read in the text: as it is, in hexadecimal digits, or in base64, packed or not."""
    if secret in text or secret.encode().hex() in text.lower():
        return True
    return any(secret.encode() in unpacked(word) for word in set(re.findall(r"[A-Za-z0-9_+/-]{16,}", text)))


@cache  # most words stand on every page
def unpacked(word: str) -> bytes:
    """What the word can mean in base64, from each of its first places on, packed or not."""
    data, found = word.replace("+", "-").replace("/", "_").encode(), b""
    for piece in (data[start:] for start in range(4)):
        raw = urlsafe_b64decode(piece + b"=" * (-len(piece) % 4)) if len(piece) % 4 != 1 else b""
        with suppress(zlib.error):
            raw += zlib.decompress(raw)
        found += raw + b"\n"  # a secret does not begin in one meaning and end in the next
    return found


def written(response: HttpResponse) -> str:
    """The whole answer, without the cookies: they are the place for secrets."""
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    return f"{headers}\n\n{response.getvalue().decode(errors='replace')}"


def is_personal(response: HttpResponse) -> bool:
    """Whether it tells of somebody: by name or by address."""
    text = response.content.decode(errors="replace")
    return NAME in text or re.search(r"[\w.]+@example\.org", text) is not None


def is_kept_by_nobody(response: HttpResponse) -> bool:
    return {"private", "no-store"} <= cache_rules(response)


def cache_rules(response: HttpResponse) -> set[str]:
    return {rule.strip() for rule in response.headers.get("Cache-Control", "").split(",")}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("before", ["", "1", "12", "123"])
def test_secret_is_found_however_it_is_written(before: str, packed: bool) -> None:
    secret = "k0j3h1g2f4d5s6a7q8w9e0r1t2y3u4i5"
    signed = signing.dumps([before, secret, "Europe/Athens" * 20 * packed], salt="any", compress=packed)
    assert tells(f'data-poll="/queue/?key={signed}"', secret)
    assert tells(secret.encode().hex(), secret)
    assert not tells(signing.dumps([before, secret[::-1]], salt="any"), secret)


@pytest.mark.parametrize("address", ADDRESSES, ids=str)
def test_address_answers_everybody_without_an_error_or_a_secret(
    people: People, address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing but the cookie knows the key of the session: not the page, what its scripts ask for, or the log.

    Pages about an appointment open for those whom it concerns alone. An address that opens something stays with its reader.
    """
    url = url_of(address)
    found = asked(people.all, f"{url}{QUERIES.get(address.name, '')}")
    assert {who: one.status_code for who, one in found.items() if one.status_code >= 500} == {}
    assert unlike_the_matrix(address, people, found) == {}
    # Citizens look at their own. Operators and officials see counts, so nobody may be told that they have looked.
    looked = {
        who for (who, _method), one in found.items() if one.has_looked and STANDING[who][0] not in OFFICERS.values()
    }
    assert looked == set() or address.name == "appointments:feed"
    assert {name for one in found.values() for name in one.cookies} <= cookies.NAMES, (
        "The page about cookies does not name it."
    )
    kept = [who for who, one in found.items() if is_personal(one) and not is_kept_by_nobody(one)]
    assert kept == [] or address.name in INVENTED, "A cache may keep what tells of somebody."
    secrets = {name: key for name, key in people.all.items() if key}
    for name, key in secrets.items():
        answers = [*polled(key, found[name, "get"]), found[name, "get"], found[name, "post"]]
        assert [one.request["PATH_INFO"] for one in answers if tells(written(one), key)] == [], name
    assert [name for name, key in secrets.items() if tells(caplog.text, key)] == []
    if address in OPENING:
        assert_stays_with_its_reader(found)
    if address.is_about_an_appointment:
        assert_opens_for_those_concerned(address, people, found)


def assert_opens_for_those_concerned(
    address: Address, people: People, found: dict[tuple[str, str], HttpResponse]
) -> None:
    strange = {who: one for who, one in found.items() if who[0] in people.strangers}
    own = [one for who, one in found.items() if who[0] in people.insiders]
    assert {who: one.status_code for who, one in strange.items() if not is_refused(one)} == {}
    assert {who for who, one in strange.items() if NAME in one.content.decode()} == set()
    assert all(map(is_refused, own)) == (address.name in OPEN_TO_NOBODY), "It opens for nobody, or should not."


# The matrix of permissions

# Where everybody stands: the role, and how near to the branch. Who booked is near to the appointment.
STANDING = {
    "anonymous": ("guest", ""),
    "citizen": ("citizen", ""),
    "who booked": ("citizen", "own"),
    "official": ("official", ""),
    "operator": ("operator", ""),
    **{f"{word} of another agency": (role, "") for word, role in OFFICERS.items()},
    **{f"{word} of another branch": (role, "agency") for word, role in OFFICERS.items()},
    **{word: (role, "branch") for word, role in OFFICERS.items()},
}
# What an address has to be asked, to answer at all.
QUERIES = {
    "admin:appointments_appointment_calendar_data": "?branch=kep-chania",
    "admin:autocomplete": "?app_label=agencies&model_name=closure&field_name=branch",
    "reports:sending-new": "?report=index",
}
# Addresses with parts that name no row of an agency or a branch, and one whose question names a branch.
OF_NO_ROW, OF_A_BRANCH = ("admin:app_list", "demo-mail"), ("admin:appointments_appointment_calendar_data",)


def unlike_the_matrix(
    address: Address, people: People, found: dict[tuple[str, str], HttpResponse]
) -> dict[str, tuple[str, list[int]]]:
    """Who gets something else than the matrix says, with the statuses of the answers."""
    assert address.name in RIGHTS, f"Give {address.name} a row in mydesklive/staff/rights.py."
    rights, wrong = RIGHTS[address.name], {}
    if set(rights.cells()) <= {Reach.KEY, Reach.ALL} and len(set(rights.cells())) == 1:
        return {} if rights.guest == Reach.KEY else refusals(found)
    for who in people.all:
        answers = [found[who, method] for method in METHODS]
        expected = due(rights, address, *STANDING[who])
        if not answers_so(answers, expected):
            wrong[who] = (expected, [one.status_code for one in answers])
    return wrong


def refusals(found: dict[tuple[str, str], HttpResponse]) -> dict[str, tuple[str, list[int]]]:
    """Of a page for everybody: who is sent away and others are not."""
    sent_away = {who for (who, _method), one in found.items() if one.status_code != 405 and is_refused(one)}
    everybody = {who for who, _method in found}
    return {} if sent_away == everybody else {who: ("may", []) for who in sent_away}


def due(rights: Rights, address: Address, role: str, nearness: str) -> str:
    """What the matrix says: "may", "404", "403", "refused" in any way, or "any" answer."""
    has_row = address.name in OF_A_BRANCH or (bool(address.parameters) and not address.name.startswith(OF_NO_ROW))
    reach = getattr(rights, role)
    if reach in (Reach.KEY, Reach.OWN):
        is_own = "may" if nearness == "own" or not has_row else "refused"
        return is_own if reach == Reach.OWN else "any"  # nobody here has typed it
    if reach == Reach.ALL or (reach in (Reach.BRANCH, Reach.AGENCY) and not has_row):
        return "may"
    if reach == Reach.AGENCY and nearness:
        return "may"
    if reach == Reach.BRANCH and nearness:
        return "may" if nearness == "branch" else "404"
    if reach in (Reach.BRANCH, Reach.AGENCY):
        return "404"
    is_colleague = nearness == "branch" and set(rights.cells()) & {Reach.BRANCH, Reach.AGENCY}
    return "403" if is_colleague else "refused"


def answers_so(answers: list[HttpResponse], expected: str) -> bool:
    """An address may answer one method alone: the other one is no refusal."""
    asked = [one for one in answers if one.status_code != 405]
    if expected == "any":
        return True
    if expected == "may":
        return not all(map(is_refused, asked))
    return all(is_refused(one) and expected in ("refused", str(one.status_code)) for one in asked)


def test_matrix_has_no_row_of_an_address_that_does_not_exist() -> None:
    assert RIGHTS.keys() - {address.name for address in ADDRESSES} == set()
    assert len(RIGHTS) == sum(len(names.split()) for _title, _rights, names in MATRIX)


def test_matrix_is_printed_for_readers() -> None:
    assert Path("docs/permissions.md").read_text() == printed(), "manage.py permissions > docs/permissions.md"


# What officials read

POISON = "Φαρμακίδης"
OF_STAFF = Q(pk__in=Membership.objects.values("user")) | Q(is_official=True) | Q(is_operator=True)
FIGURES = [one.name for one in ADDRESSES if one.name.startswith("reports:") and not one.parameters]
# The apps that know people, and what pages need as it is.
OF_PEOPLE, NEEDED = ("accounts", "appointments", "videocalls"), {"password", "timezone"}


def poison(but: Iterable[type[Model]] = ()) -> int:
    """Writes the same name into every field of text that any row about people has. Returns the number of such fields.

    Those who were invited are not among them: who manages members sees who they are.
    """
    poisoned = 0
    for model in apps.get_models():
        fields = [field.name for field in model._meta.local_fields if takes_any_text(field)]
        fields = [name for name in fields if name not in NEEDED | kept_apart(model)]
        if model._meta.app_label in OF_PEOPLE and model not in (Event, *but) and fields:
            rows = model._default_manager.all()
            rows = rows.filter(is_invited=False) if model is User else rows
            rows.update(**dict.fromkeys(fields, POISON))
            poisoned += len(fields)
    return poisoned


def takes_any_text(field: Field) -> bool:
    """Not what is chosen from a list, or is the only one of its kind."""
    is_text = isinstance(field, CharField | TextField) and not (field.choices or field.unique)
    return is_text and (field.max_length is None or field.max_length >= len(POISON))


def kept_apart(model: type[Model]) -> set[str]:
    """The fields whose values no two rows may share."""
    constraints = (one for one in model._meta.constraints if isinstance(one, UniqueConstraint))
    return {name for one in constraints for name in one.fields}


def plainly(response: HttpResponse) -> str:
    """The answer as text; of a workbook, all that is packed into it."""
    content = response.getvalue()
    if content.startswith(b"PK"):
        with ZipFile(BytesIO(content)) as packed:
            content = b"\n".join(map(packed.read, packed.namelist()))
    return content.decode(errors="replace")


@pytest.mark.parametrize("role", ["official", "operator"])
def test_who_sees_counts_reaches_no_name_by_any_address(people: People, role: str) -> None:
    """Whatever a row says of a citizen, no page, no file and nothing that a script asks for shows it to them."""
    session, own = people.strangers[role], User.objects.get(email=f"{role}@example.org").email
    urls = {url_of(address): f"{address}" for address in ADDRESSES if address.name not in INVENTED}
    urls |= {url: url for name in FIGURES for url in (reverse(name), f"{reverse(name)}?as_of=2026-03-02&for=excel")}
    urls |= {"/reports/?since=2020-01-01&until=2030-12-31": "all"}
    User.objects.filter(OF_STAFF).update(is_invited=True)
    # Operators read what an agency tells those who fall out.
    assert poison(but=[Disruption] if role == "operator" else []) > 40
    found = {}
    for url, name in urls.items():
        response = answer(session, url, "get")
        text = plainly(response) + "".join(plainly(one) for one in polled(session, response))
        told = set(re.findall(r"[\w.]+@example\.org", text)) - known_to(role, own)
        if POISON in text or NAME in text or told:
            found[name] = told
    assert found == {}


def known_to(role: str, own: str) -> set[str]:
    """Operators manage those who have a role, and those who are invited to one."""
    staff, invited = User.objects.filter(OF_STAFF), Invitation.objects.values_list("email", flat=True)
    return {own, *staff.values_list("email", flat=True), *invited} if role == "operator" else {own}


# What staff see of citizens is written down


def told_of(appointment: Appointment) -> set[str]:
    """All by which a page can tell who somebody is, or lead there."""
    of = (appointment.name, appointment.email, appointment.phone, appointment.reference, appointment.spoken_reference)
    return {one for one in of if one}


@dataclass
class Look:
    """An answer, the appointments that it tells of, and those of them of which is not written that they were shown."""

    response: HttpResponse
    shown: set[int]
    unwritten: set[int]


def look_at(session: str, send: Callable[[], HttpResponse]) -> Look:
    looks = []

    def look() -> HttpResponse:
        response = whole(send())
        text, match = unescape(plainly(response)), response.wsgi_request.resolver_match
        is_answered = response.status_code not in (301, 302, 403, 404, 405)  # these repeat the address alone
        everybody = Appointment.objects.all() if is_answered else []
        shown = {one.pk for one in everybody if any(told in text for told in told_of(one))}
        rows = Reading.objects.filter(page=match.view_name if match else "")
        looks.append(Look(response, shown, shown - set(rows.values_list("appointment", flat=True))))
        return response

    sent(session, look)
    return looks[0]


def asked_once(url: str, method: str) -> HttpResponse:
    return CLIENT.get(url) if method == "get" else CLIENT.post(url, {"ticket": ticket_code()})


TAX = "090000045"
# Where an officer needs it to find the citizen's file. No list has it, and no address.
WITH_TAX_NUMBER = {
    "admin:appointments_appointment_change",
    "admin:appointments_serving",
    "admin:appointments_serving_save",
    "admin:appointments_serving_complete",
}


def told_apart() -> None:
    """Gives each appointment a person and a tax number of its own."""
    for number, one in enumerate(Appointment.objects.exclude(name="").order_by("pk")):
        contact = {"name": f"Κρητικού{number}", "email": f"froso{number}@example.net", "phone": f"+30691234567{number}"}
        Appointment.objects.filter(pk=one.pk).update(**contact, tax_number_encrypted=encrypted(TAX))
    Procedure.objects.update(identification=Procedure.Identification.TAX_NUMBER)


@pytest.mark.parametrize("who", ["agent", "administrator"])
def test_what_staff_see_of_a_citizen_is_written_down(people: People, who: str) -> None:
    """Every page, file, feed and answer, whoever wrote it: the mechanism lies where rows give out what they hold."""
    urls = {url_of(address): address.name for address in ADDRESSES if address.name not in INVENTED}
    told_apart()
    pages, missing, taxed = set(), {}, set()
    for (url, name), method in product(urls.items(), METHODS):
        looks = {url: look_at(people.insiders[who], lambda url=url, method=method: asked_once(url, method))}
        if method == "get":
            also = polled_by(looks[url].response)
            looks |= {one: look_at(people.insiders[who], lambda one=one: CLIENT.get(one)) for one in also}
        pages |= {name} if any(one.shown for one in looks.values()) else set()
        taxed |= {name for look in looks.values() if TAX in written(look.response)}
        missing |= {f"{method} {one}": look.unwritten for one, look in looks.items() if look.unwritten}
    assert missing == {}
    assert len(pages) > 12
    assert taxed <= WITH_TAX_NUMBER
    assert "admin:appointments_appointment_change" in taxed


def test_what_systems_and_calendars_fetch_of_a_citizen_is_written_down(people: People) -> None:
    urls = {url_of(address): address.name for address in ADDRESSES if address.name not in INVENTED}
    told_apart()
    [feed] = [url for url, name in urls.items() if name == "appointments:feed"]
    look = look_at("", lambda: CLIENT.get(feed))
    assert (len(look.shown), look.unwritten) == (3, set())
    Appointment.objects.update(source=Appointment.Source.SYSTEM)  # a system sees its own bookings alone
    token, pages = {"Authorization": "Bearer secret"}, set()
    for url, name in urls.items():
        if url.startswith("/api/"):
            look = look_at("", lambda url=url: CLIENT.get(url, headers=token))
            pages |= {name} if look.shown else set()
            assert look.unwritten == set(), url
    assert pages


# Where staff choose one of many branches

WITH_BRANCHES = {
    *(f"admin:appointments_appointment_{page}" for page in ("day", "calendar", "feeds", "screens", "book")),
    *(f"admin:agencies_{row}_add" for row in ("openingrule", "closure", "invitation")),
    *("admin:appointments_queue", "admin:appointments_desk_add"),
}


def test_branch_is_chosen_by_typing_on_every_page(people: People) -> None:
    """A list of branches has all of them, for browsers without scripts, and can be searched."""
    lists = {}
    for address in ADDRESSES:
        if address.name.startswith("admin:"):
            page = answer(people.insiders["administrator"], url_of(address), "get").content.decode()
            for tag, choices in re.findall(r"<select([^>]*)>(.*?)</select>", page, re.DOTALL):
                if choices.count("ΚΕΠ Χανίων") == 2:
                    lists[address.name] = tag
    assert lists.keys() >= WITH_BRANCHES
    assert [name for name, tag in lists.items() if 'data-theme="admin-autocomplete"' not in tag] == []


# Addresses that open something

# Whoever knows the address may read it. `key` and `code` are random, and so is the code that a library's link carries.
OPENING = [
    one for one in ADDRESSES if {"key", "uidb36", "reference"} & {*one.parameters} or one.name == "appointments:ticket"
]
# What a page loads by itself: not links, which people follow.
LOADED = re.compile(
    r'<(?:script|img|iframe|source|link(?= [^>]*rel="(?:stylesheet|icon|preload)"))\b[^>]*\s(?:src|href)="([^"]+)"'
)
PRIVATE = {"no-referrer", "same-origin"}


@pytest.mark.parametrize("address", OPENING, ids=str)
def test_address_with_a_key_stays_with_its_reader(
    people: People, address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a key, the test above looks at the same: the answers of everybody are there already."""
    assert_stays_with_its_reader(asked(people.all, f"{url_of(address)}?key=made-up"))
    assert [line for line in caplog.messages if "made-up" in line] == []


def assert_stays_with_its_reader(found: dict[tuple[str, str], HttpResponse]) -> None:
    """No other site learns it, by what the page loads or where its links lead; no cache keeps it, and no log."""
    for who, answer in found.items():
        assert answer.headers["Referrer-Policy"] in PRIVATE, who
        if answer.status_code == 200:
            assert {"private", "no-store"} & cache_rules(answer), who
            loaded = LOADED.findall(answer.content.decode(errors="replace"))
            assert [one for one in loaded if not one.startswith(("/", "data:")) or one.startswith("//")] == [], who


def test_key_of_a_link_leaves_the_address_at_once(people: People) -> None:
    appointment = Appointment.objects.filter(name=NAME).earliest("starts_at")
    opened = [one for one in OPENING if one.name.startswith("appointments:") and one.parameters == ("reference",)]
    assert len(opened) > 8
    for address in opened:
        url = url_of(address)
        answer = sent("", lambda url=url: CLIENT.get(f"{url}?key={appointment.link_key}"))
        assert (answer.status_code, "key" in answer.headers.get("Location", "key")) in {(302, False), (405, True)}, (
            address
        )


# What nobody types, but programs send

APPS = ("accounts", "agencies", "appointments", "mydesklive", "reports", "videocalls")
READ = re.compile(r'(?:GET|POST|query|data)(?:\.get|\.getlist)?[(\[]"(\w+)"')
OF_LISTS = ("q", "p", "o", "e", "all", "_changelist_filters", "_popup", "_to_field")
# Percent-encoded: the character zero; bytes that are no characters, and half a character.
UNREADABLE, NOT_UTF_8 = ("%00", "a%00b"), ("%FF%FE", "%C3", "%ED%A0%80")
ODD = ("9" * 30, "-1", "2026-02-30", "0001-01-01", "9999-12-31", "25:61", "²", "x" * 500, "1e400", "\u202e\x0b", "[]")
FORM = "application/x-www-form-urlencoded"


def parents(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from parents(child)


def names_read() -> list[str]:
    """Every name that a view reads from a query or a form, and every field of every form and filter of a list."""
    sources = (path.read_text() for app in APPS for path in Path(app).rglob("*.py"))
    named = {name for source in sources for name in READ.findall(source)}
    fields = {name for form in parents(forms.BaseForm) for name in getattr(form, "base_fields", ())}
    filters = {
        f"{one}__{lookup}"
        for options in admin.site._registry.values()
        for one in options.list_filter
        if isinstance(one, str)
        for lookup in ("exact", "id__exact", "isnull")
    }
    return sorted({*named, *fields, *filters, *OF_LISTS})


NAMES = names_read()


def query(values: Iterable[str]) -> str:
    """A query with all names, and the values in turn."""
    each = [*values]
    return "&".join(f"{name}={each[place % len(each)]}" for place, name in enumerate(NAMES))


def faults(people: dict[str, str], url: str, query: str) -> dict[tuple[str, str], int]:
    """The server errors that people get with this query, and with the same as a form."""
    found = {}
    for name, key in people.items():
        found[name, "get"] = sent(key, lambda: CLIENT.get(f"{url}?{query}"))
        found[name, "post"] = sent(key, lambda: CLIENT.post(url, query.encode(), content_type=FORM))
    return {who: one.status_code for who, one in found.items() if one.status_code >= 500}


@pytest.mark.parametrize("address", ADDRESSES, ids=str)
def test_address_bears_what_nobody_types(people: People, address: Address) -> None:
    of_staff, of_public = ("administrator", "operator"), ("anonymous", "who booked")
    typists = of_staff if address.name.startswith("admin:") else of_public
    found = faults({name: people.all[name] for name in typists}, url_of(address), query(map(quote, ODD)))
    assert found == {}


@pytest.mark.parametrize("address", ADDRESSES, ids=str)
def test_address_bears_what_cannot_be_stored(people: People, address: Address) -> None:
    url, typist = url_of(address), {"administrator": people.all["administrator"]}
    assert faults(typist, url, query(UNREADABLE)) | faults(typist, url, query(NOT_UTF_8)) == {}


def test_every_page_gets_clean_text(people: People) -> None:
    """What no reader sees is gone before a view, and so before any field of any form."""
    dirty, clean = "Έ\u202eμ\x0bα\u200b\u00ad\r\n", "Έμ\nα\n"
    for address in ADDRESSES:
        url = url_of(address)
        response = sent("", lambda url=url: CLIENT.post(f"{url}?q={quote(dirty)}", {"name": dirty}))
        request = response.wsgi_request
        if not url.startswith("/api/"):
            assert (request.POST["name"], request.GET["q"]) == (clean, clean), address


def test_every_address_of_the_api_that_writes_cleans_its_texts() -> None:
    views = {*api_views_that_write(get_resolver())}
    assert views
    for view in views:
        assert view.parser_classes == (SmallJSONParser,), view
    stream, request = BytesIO(b'{"notes": ["a\\u202eb\\u000bc\\r\\n"]}'), RequestFactory().post("/", {"a": "b"})
    assert SmallJSONParser().parse(stream, "application/json", {"request": request}) == {"notes": ["ab\nc\n"]}


def api_views_that_write(resolver: URLResolver) -> Iterator[type[APIView]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from api_views_that_write(pattern)
        elif issubclass(view := getattr(pattern.callback, "cls", object), APIView):
            methods = getattr(pattern.callback, "actions", None) or dir(view)
            if {"post", "put", "patch"} & {*methods}:
                yield view


@pytest.mark.parametrize("address", [one for one in ADDRESSES if one.parameters], ids=str)
def test_address_bears_odd_parts(people: People, address: Address) -> None:
    filled = {name: VALUES_OF.get((address.name, name)) or VALUES[name](address) for name in address.parameters}
    found = {}
    for name, odd in product(filled, ("\0", "9" * 30, "²")):
        with suppress(NoReverseMatch):
            url = reverse(address.name, kwargs=filled | {name: odd})
            found[url] = answer(people.all["operator"], url, "get").status_code
    assert [url for url, status in found.items() if status >= 500] == []


# The database fails

FAILURES = [
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.AdminShutdown,
    psycopg.errors.CannotConnectNow,
    psycopg.errors.TooManyConnections,
    psycopg.errors.DiskFull,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.InvalidSqlStatementName,
    psycopg.OperationalError,
    psycopg.InterfaceError,
]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Lets every statement but the first ones fail: `with failing(error, after=2):`."""
    execute = Cursor.execute

    @contextmanager
    def fail(error: type[Exception], after: int) -> Iterator[None]:
        left = iter(range(after))

        def broken(cursor: Cursor, query: Any, *args: Any, **options: Any) -> Any:
            if str(query).startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")) or next(left, None) is not None:
                return execute(cursor, query, *args, **options)
            raise error("It fails.")

        with monkeypatch.context() as patch:
            patch.setattr(Cursor, "execute", broken)
            yield

    return fail


def is_told(response: HttpResponse) -> bool:
    """Whether the answer says that nothing could be done, in its own form, and when to try again."""
    text = response.content.decode()
    if response.headers.get("Retry-After") != "5" or response.cookies:
        return False
    if response.wsgi_request.path.startswith("/api/"):
        return response.headers["Content-Type"] != "text/html" and "detail" in text
    return "Try again" in text or "Δοκιμάστε ξανά" in text


PROBES = {"health-ready", "health-work"}  # they tell it in a form of their own (tests/mydesklive/test_probes.py)


@pytest.mark.parametrize("address", [one for one in ADDRESSES if one.name not in PROBES], ids=str)
def test_address_tells_that_the_database_fails(people: People, address: Address, failing: Callable[..., Any]) -> None:
    """At its first statement and at later ones, whatever the error is."""
    url, key = url_of(address), people.all["supervisor"]
    errors = cycle(FAILURES[zlib.crc32(str(address).encode()) % len(FAILURES) :] + FAILURES)
    wrong = {}
    for method, after in product(METHODS, (0, 1, 3)):
        error = next(errors)
        with transaction.atomic():
            CLIENT.cookies.clear()
            CLIENT.cookies["sessionid"] = key
            with failing(error, after):
                response = CLIENT.get(url) if method == "get" else CLIENT.post(url, {"ticket": "1"})
            transaction.set_rollback(True)
        if response.status_code >= 500 and not (response.status_code == 503 and is_told(response)):
            wrong[method, after, error.__name__] = response.status_code
    assert wrong == {}


@pytest.mark.parametrize("error", FAILURES)
@pytest.mark.parametrize("url", ["/appointments/", "/en/admin/", "/api/v1/agencies/", "/mykeplive/"])
def test_failure_is_told_whatever_it_is(
    people: People, error: type[Exception], url: str, failing: Callable[..., Any]
) -> None:
    with failing(error, 0):
        response = sent(people.all["supervisor"], lambda: CLIENT.get(url))
    assert response.status_code == 503
    assert is_told(response)
