"""What the models know of people: forgotten in time, or kept for a reason that is written here."""

from collections.abc import Iterable
from typing import Any

import pytest
from django.apps import apps
from django.db import models

from accounts.models import User
from appointments import counter
from appointments.booking import retention
from appointments.models import Appointment, Notification, Ticket
from tests.builders import GUEST, NOON, NOW, a_desk, an_officer, an_open_branch, booked_at, by, minutes

OURS = ("accounts", "agencies", "appointments", "reports", "videocalls")
# What cannot name anybody: times, numbers, yes or no.
DUMB = (models.DateField, models.TimeField, models.BooleanField, models.IntegerField, models.DecimalField)

ERASED: dict[str, set[str]] = {
    "appointments.Appointment": set(retention.NOBODY),
    "appointments.Ticket": set(retention.UNSAID),
    "appointments.Notification": {"last_error", "sent_to"},
}

PUBLISHED = "an agency's own words, which it publishes"
OFFICER = "who acted for the agency answers for it"
ACCOUNT = "the person's account, which the person keeps"
CODE = "a name of ours for something, the same whoever it is about"
SECRET = "random, and tells nothing"
FIGURES = {
    **dict.fromkeys(("channel", "source"), CODE),
    **dict.fromkeys(("ahead_spread", "late_spread", "waiting_spread", "serving_spread"), "how many, in ranges"),
}
KEPT: dict[str, dict[str, str]] = {
    "accounts.Count": {"what": CODE, "who": "a keyed hash, deleted when its period is over"},
    "accounts.User": dict.fromkeys(("password", "email", "name", "phone", "returned_from"), ACCOUNT),
    "accounts.Identity": {
        **dict.fromkeys(("user", "first_name", "last_name"), ACCOUNT),
        **dict.fromkeys(("subject_encrypted", "tax_number_encrypted"), "sealed; the row goes with the account"),
        **dict.fromkeys(("subject", "tax_number_hash"), "a keyed hash; the row goes with the account"),
        "source": CODE,
    },
    "accounts.Planned": {"task": CODE},
    "accounts.Peer": {
        "name": "a kind of server, and its host",
        "last_error": "about a server; the row goes when it works again",
    },
    "accounts.AccountMail": {
        "recipient": "the row goes after a day",
        "content": "sealed, and gone when the mail is sent; the row goes after a day",
        "kind": CODE,
        "asked_by": SECRET,
        "last_error": "the row goes after a day",
    },
    "accounts.DemoMail": dict.fromkeys(("recipient", "subject", "source"), "the demo's, where nobody is real"),
    "agencies.Agency": dict.fromkeys(
        (
            *("slug", "name_el", "name_en", "short_name_el", "short_name_en", "description_el", "description_en"),
            *("branch_word_el", "branch_word_en", "platform", "platform_slug", "accent", "legal_basis", "mitos_id"),
            *("reminders", "video_link"),
        ),
        PUBLISHED,
    ),
    "agencies.Branch": dict.fromkeys(
        (
            *("code", "name_el", "name_en", "address_el", "address_en", "city_el", "city_en", "region_el", "region_en"),
            *("municipality", "country", "timezone", "phone", "email", "access_el", "access_en"),
            *("directions_el", "directions_en"),
            *("unit_el", "unit_en", "areas", "postcodes", "order_el", "order_en"),
        ),
        PUBLISHED,
    ),
    "agencies.Category": dict.fromkeys(("name_el", "name_en"), PUBLISHED),
    "agencies.Procedure": dict.fromkeys(
        (
            *("code", "name_el", "name_en", "description_el", "description_en", "documents_el", "documents_en"),
            *("channels", "mitos_id", "booked_for"),
        ),
        PUBLISHED,
    ),
    "agencies.Declaration": dict.fromkeys(("text_el", "text_en"), PUBLISHED),
    "agencies.ProductionPeriod": dict.fromkeys(("country", "region"), PUBLISHED),
    "agencies.PublishedCount": dict.fromkeys(("source_el", "source_en"), PUBLISHED),
    "agencies.Search": {
        "text": "nothing that looks like a person's, and shown after a crowd only; the row goes after two days",
        "network": "a keyed hash of the day; the row goes after two days",
    },
    "agencies.Synonym": dict.fromkeys(("code", "words", "note_el", "note_en"), PUBLISHED),
    "agencies.OpeningRule": dict.fromkeys(("weekdays", "channels"), CODE),
    "agencies.Closure": {"reason_el": PUBLISHED, "reason_en": PUBLISHED, "officer": "whose absence closes the times"},
    "agencies.Membership": {"user": OFFICER},
    "agencies.Invitation": {
        **dict.fromkeys(("email", "name"), "deleted ninety days after the answer was due"),
        "invited_by": OFFICER,
        "digest": SECRET,
    },
    "agencies.SystemToken": {"label": "names a computer", "digest": SECRET},
    "appointments.AlertMail": {"user": OFFICER, "last_error": "names a supervisor's address, no citizen's"},
    "appointments.Appointment": {
        "reference": SECRET,
        "slot_ids": CODE,
        "officer": OFFICER,
    },
    "appointments.Claim": dict.fromkeys(("session", "network", "email"), "a keyed hash, deleted after a day"),
    "appointments.Desk": {"name": "stands on the desk", "officer": OFFICER},
    "appointments.Disruption": {
        "reason_el": PUBLISHED,
        "reason_en": PUBLISHED,
        "ways": CODE,
        "fallen": CODE,
        "created_by": OFFICER,
    },
    "appointments.Event": {
        "officer": "folded away by retention with the step",
        "page": CODE,
        "before": "codes and times, folded away by retention with the step",
        "details": "codes and times, folded away by retention with the step",
    },
    "appointments.Feed": {"key": SECRET, "officer": OFFICER, "made_by": OFFICER},
    "appointments.Journey": {"visitor": "a keyed hash of the day; the row goes after two days", "token": SECRET},
    "appointments.NothingFree": {"visitor": "a keyed hash of the day; the row goes after two days"},
    "appointments.Mailbox": {"key": "a keyed hash of our own mailbox", "last_error": "words of ours"},
    "appointments.OwnText": {"kind": CODE, "subject": PUBLISHED, "body": PUBLISHED, "written_by": OFFICER},
    "appointments.Notification": {"details": PUBLISHED},
    "appointments.Notice": dict.fromkeys(
        ("address", "last_error"), "emptied when the notice is sent, given up or no longer needed: a constraint says so"
    ),
    "appointments.ReceivedSms": {"digest": "a keyed hash of the gateway's name for an SMS, deleted after a month"},
    "appointments.KeptDraft": {"session": "random, and the row goes ten minutes after the held time"},
    "appointments.Party": dict.fromkeys(("name", "email", "phone"), "the row goes when its appointment is erased"),
    "appointments.Queue": {"kiosk_key": SECRET, "display_key": SECRET},
    "appointments.Rating": {"comment": "has no link to who wrote it"},
    "appointments.Reading": {"officer": OFFICER, "page": CODE},
    "appointments.Ticket": {
        "code": SECRET,
        "officer": OFFICER,
        "documents_seen": "chosen from the service's own list",
    },
    "appointments.IdentityCheck": {"officer": OFFICER},
    "reports.DailyFact": FIGURES,
    "reports.MonthlyFact": FIGURES,
    "reports.MonthlySum": FIGURES,
    "reports.DailyHours": {"hours": "how many, in hours"},
    "reports.MonthlyHours": {"hours": "how many, in hours"},
    "reports.DailyRating": {"channel": CODE},
    "reports.MonthlyRating": {"channel": CODE},
    "reports.PageViews": dict.fromkeys(("language", "country"), CODE),
    "reports.ReleasedRow": {
        "dataset": CODE,
        "cells": "codes, names of agencies and services, and counts that are not small",
    },
    "reports.DailyDemand": dict.fromkeys(("channel", "device", "language"), CODE),
    "reports.MonthlyDemand": dict.fromkeys(("channel", "device", "language"), CODE),
    "reports.DailySearch": {"language": CODE, "text": "forgotten after a month unless a crowd looked for it"},
    "reports.DailyWait": {"channel": CODE},
    "reports.MonthlyWait": {"channel": CODE},
    "reports.Subscription": {
        "user": OFFICER,
        "reference": SECRET,
        "report": CODE,
        "query": "the filters of a page of figures",
        "agencies": CODE,
        "branches": CODE,
    },
    "reports.Recipient": {"user": "who reads figures for the state, or the published ones", "key": SECRET},
    "reports.Sending": {"last_error": "names a reader's address, no citizen's; the row goes after half a year"},
    "videocalls.Participant": {
        "key": SECRET,
        "name": "forgotten an hour after the room has closed",
        "session": SECRET,
        "device": SECRET,
        "token": "forgotten an hour after the room has closed",
        "told": "forgotten an hour after the room has closed",
    },
    "videocalls.Signal": {
        "kind": CODE,
        "payload": "deleted an hour after the room has closed",
    },
    "videocalls.Meeting": {
        "provider": CODE,
        "sealed": "what a provider says of a meeting; the row goes with the meeting",
        "last_error": "a provider's answer about a meeting",
    },
    "videocalls.VideoCall": {
        "phone_by": CODE,
        "provider": CODE,
        "fallback": CODE,
        "room": SECRET,
        "link": PUBLISHED,
        "last_error": "a provider's answer about a room",
    },
}

MODELS = [model for model in apps.get_models() if model._meta.app_label in OURS]


def may_tell_of_somebody(field: models.Field) -> bool:
    """Text and data of any form, and links to accounts; not what is chosen from a list, and no other links."""
    if field.is_relation:
        return field.related_model is User
    return not field.primary_key and not field.choices and not isinstance(field, DUMB)


def telling(model: type[models.Model]) -> set[str]:
    return {field.name for field in model._meta.local_fields if may_tell_of_somebody(field)}


def names(listed: dict[str, Any], model: type[models.Model]) -> set[str]:
    found: Iterable[str] = listed.get(model._meta.label, ())
    return set(found)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_field_that_may_tell_of_somebody_is_erased_or_kept_for_a_reason(model: type[models.Model]) -> None:
    assert telling(model) - names(ERASED, model) - names(KEPT, model) == set()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_list_of_fields_is_up_to_date(model: type[models.Model]) -> None:
    """No field stands in both lists, and none that is there no more."""
    assert names(ERASED, model) & names(KEPT, model) == set()
    assert names(KEPT, model) - telling(model) == set()
    assert names(ERASED, model) - {field.name for field in model._meta.get_fields()} == set()


@pytest.mark.django_db
def test_retention_erases_every_field_it_promises() -> None:
    branch = an_open_branch()
    officer = an_officer(branch)
    ticket = counter.check_in(booked_at(branch, 9), by=GUEST, now=NOW)
    counter.call(ticket, a_desk(branch, officer), by=by(officer), now=NOW)
    for label, fields in ERASED.items():
        fill(apps.get_model(label), fields)
    later = NOON + minutes(24 * 60 * (branch.agency.retention_days + 1))
    assert retention.erase_old(now=later)
    blank = {"appointments.Appointment": retention.NOBODY, "appointments.Ticket": retention.UNSAID}
    for model in (Appointment, Ticket, Notification):
        label = model._meta.label
        for row in model.objects.values(*ERASED[label]):
            assert row == blank.get(label, {"last_error": "", "sent_to": ""})


def fill(model: type[models.Model], fields: set[str]) -> None:
    """Writes something into every one of the fields that takes text."""
    texts = (models.CharField, models.TextField)
    written = {name: "Κάτι" for name in fields if isinstance(model._meta.get_field(name), texts)}
    assert model._default_manager.update(**written)
