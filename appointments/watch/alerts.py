"""Alerts: raised when a branch needs its supervisors, cleared when it no longer does, mailed once to each supervisor.

`check` brings the alerts up to date and owes the mails about new ones, in one transaction. `mail_next` leases all mails
that one supervisor is owed, sends them as one, and records that. So no mail is lost in a crash, or while the mail
server is away: a later run sends what is left. `follow` notes those that come back.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from accounts.mails import marks
from accounts.mails.handing import AddressRefused, DeliveryError, Undeliverable, hand_over
from accounts.mails.marks import Notice
from accounts.models import User
from accounts.work import leases
from accounts.work.leases import Work
from agencies.accents import text_on
from agencies.access import REACHES, from_role
from agencies.models import Agency, Branch, Role
from agencies.models.services import RULE_SERVES
from appointments.messages.delivery import LEASE
from appointments.messages.mails import paragraphs
from appointments.models import Alert, AlertMail
from appointments.times import promises
from appointments.times.slots import HAS_DESK, IN_RUN, NEEDED
from appointments.watch.loads import unplaced_by_branch

Kind = Alert.Kind
logger = logging.getLogger(__name__)

# An alert that comes again within this time after its mail is not mailed again: one freed time must not make two mails.
SILENCE = timedelta(days=1)
# How many branches a mail names, and how many services of each. The page shows the rest.
BRANCHES_NAMED, SERVICES_NAMED = 20, 8
# Minutes, fifteen hours in all. Little is lost after that, because supervisors see the alert on the page too.
RETRIES = (5, 15, 60, 120, 240, 480)
MARKED_AS = "alert"
MAILING = Work(AlertMail.objects, LEASE, RETRIES, due="retry_at", given_up=lambda now: {"settled_at": now})


# Raising and clearing


@transaction.atomic
def check(*, now: datetime) -> None:
    """Bring the alerts of all branches up to date, and owe the mails about new ones."""
    _check_times(now)
    _check_places(now)
    _check_clocks(now)
    _owe_mails(now)


NEXT_IN_RUN = IN_RUN.format(
    slot="next",
    rule="length.rule",
    begins="slot.starts_at",
    ends="slot.starts_at + length.minutes * interval '1 minute'",
)

# Looks once for each rule and length of service, because services of one length find the same times. A time counts in
# any channel, and also if it is released later: a branch that releases each day's times in the morning does have times.
# Rules for officers and for walk-ins do not count, because they have no times for the public.
CHECK_TIMES = f"""
WITH offered AS MATERIALIZED (
    SELECT rule.id AS rule, rule.slot_minutes, branch.id AS branch, procedure.id AS procedure,
        procedure.duration_minutes AS minutes, agency.alert_days AS days,
        %(now)s + agency.lead_minutes * interval '1 minute' AS since,
        %(now)s + agency.alert_days * interval '1 day' AS until
    FROM agencies_agency agency
    JOIN agencies_branch branch ON branch.agency_id = agency.id AND branch.is_open
    JOIN agencies_openingrule rule ON rule.branch_id = branch.id AND rule.purpose = 'public'
        AND rule.valid_from <= %(now)s::date + agency.alert_days
        AND (rule.valid_until IS NULL OR rule.valid_until >= %(now)s::date)
    JOIN agencies_procedure procedure ON procedure.agency_id = agency.id AND procedure.is_offered
        AND NOT procedure.by_referral AND procedure.channels && rule.channels
    WHERE agency.stage = ANY(%(live)s) AND agency.alert_days > 0 AND {RULE_SERVES.format(procedure="procedure.id")}
), length AS MATERIALIZED (
    SELECT rule, branch, slot_minutes, minutes, days, since, until, array_agg(procedure) AS procedures
    FROM offered GROUP BY rule, branch, slot_minutes, minutes, days, since, until
), looked AS MATERIALIZED (
    SELECT branch, procedures, days, EXISTS (
        SELECT FROM appointments_timeslot slot
        WHERE slot.rule_id = length.rule AND {HAS_DESK.format(slot="slot")}
            AND slot.starts_at >= length.since AND slot.starts_at < length.until
            AND {NEEDED.format(minutes="length.minutes", slot_minutes="length.slot_minutes")} = (
                SELECT count(*) FROM appointments_timeslot next WHERE {NEXT_IN_RUN} AND {HAS_DESK.format(slot="next")}
            )
    ) AS has_times FROM length
), lacking AS MATERIALIZED (
    SELECT branch, procedure, days FROM looked CROSS JOIN unnest(procedures) AS procedure
    GROUP BY branch, procedure, days HAVING NOT bool_or(has_times)
), cleared AS (
    UPDATE appointments_alert alert SET cleared_at = %(now)s
    WHERE kind = %(kind)s AND cleared_at IS NULL AND NOT EXISTS (
        SELECT FROM lacking WHERE lacking.branch = alert.branch_id AND lacking.procedure = alert.procedure_id
    )
)
INSERT INTO appointments_alert (branch_id, kind, procedure_id, number, raised_at)
SELECT branch, %(kind)s, procedure, days, %(now)s FROM lacking ORDER BY branch, procedure
ON CONFLICT (branch_id, kind, procedure_id) WHERE cleared_at IS NULL DO UPDATE SET number = excluded.number
WHERE appointments_alert.number <> excluded.number
"""


def _check_times(now: datetime) -> None:
    """Raise and clear the alerts about missing free times. Their `number` is how many days ahead the agency looks."""
    _execute(CHECK_TIMES, {"now": now, "live": [*Agency.LIVE], "kind": Kind.NO_FREE_TIME.value})


CHECK_NUMBERS = """
WITH counted AS (
    SELECT * FROM unnest(%(branches)s::bigint[], %(numbers)s::integer[]) AS counted (branch, number)
), cleared AS (
    UPDATE appointments_alert SET cleared_at = %(now)s
    WHERE kind = %(kind)s AND cleared_at IS NULL AND branch_id <> ALL(%(branches)s)
)
INSERT INTO appointments_alert (branch_id, kind, number, raised_at)
SELECT branch, %(kind)s, number, %(now)s FROM counted ORDER BY branch
ON CONFLICT (branch_id, kind, procedure_id) WHERE cleared_at IS NULL DO UPDATE SET number = excluded.number
WHERE appointments_alert.number <> excluded.number
"""


def _check_places(now: datetime) -> None:
    _check_numbers(Kind.UNPLACED, unplaced_by_branch(now=now), now)


def _check_clocks(now: datetime) -> None:
    """Raise and clear the alerts about promised times that a changed clock no longer shows."""
    _check_numbers(Kind.OFF_CLOCK, Counter(one.branch_id for one in promises.broken(now=now)), now)


def _check_numbers(kind: Alert.Kind, numbers: Mapping[int, int], now: datetime) -> None:
    """Raise the alert of this kind at the branches with a number, and clear it at all others."""
    params = {"branches": [*numbers], "numbers": [*numbers.values()], "now": now, "kind": kind.value}
    _execute(CHECK_NUMBERS, params)


OWE_MAILS = f"""
WITH forgotten AS (
    DELETE FROM appointments_alertmail USING accounts_user person
    WHERE person.id = user_id AND settled_at IS NULL AND leased_until IS NULL AND person.returned_from = person.email
)
INSERT INTO appointments_alertmail (alert_id, user_id, last_error)
SELECT DISTINCT alert.id, person.id, ''
FROM appointments_alert alert
JOIN agencies_branch branch ON branch.id = alert.branch_id
JOIN agencies_membership membership ON {REACHES} AND membership.role = ANY(%(roles)s)
JOIN accounts_user person ON person.id = membership.user_id AND person.is_active
    AND person.returned_from <> person.email
WHERE alert.cleared_at IS NULL AND alert.mailed_at IS NULL AND NOT EXISTS (
    SELECT FROM appointments_alert earlier
    WHERE earlier.branch_id = alert.branch_id AND earlier.kind = alert.kind
        AND earlier.procedure_id IS NOT DISTINCT FROM alert.procedure_id AND earlier.mailed_at > %(silent_since)s
)
ORDER BY alert.id, person.id
ON CONFLICT DO NOTHING
"""


def _owe_mails(now: datetime) -> None:
    """Owe the mails about new alerts, but none any more to an address at which no mail arrives."""
    _execute(OWE_MAILS, {"roles": [str(role) for role in from_role(Role.SUPERVISOR)], "silent_since": now - SILENCE})


def _execute(sql: str, params: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


# Mailing


def mail_next(mailer: BaseEmailBackend, *, now: datetime) -> bool:
    """Send one supervisor all mails owed, as one. Return False if none is owed, or if no other could be sent now."""
    owed = claim(now=now)
    if not owed:
        return False
    try:
        hand_over(letter(owed), mailer)
    except Undeliverable as error:
        logger.warning("The alerts for user %s will never arrive", owed[0].user_id)
        MAILING.settle(owed, settled_at=now, last_error=leases.told(error))
        if isinstance(error, AddressRefused):
            _give_up_mail(owed, sent_at=now, now=now)
    except Exception as error:
        logger.warning(
            "The alerts for user %s were not sent", owed[0].user_id, exc_info=not isinstance(error, DeliveryError)
        )
        MAILING.postpone(owed, error, now=now)
        return not isinstance(error, DeliveryError)
    else:
        if MAILING.settle(owed, settled_at=now, last_error=""):  # a notice that it came back may be quicker
            Alert.objects.filter(mails__in=owed, mailed_at=None).update(mailed_at=now)
    return True


@transaction.atomic
def claim(*, now: datetime) -> list[AlertMail]:
    """Lease all mails that are owed to one supervisor, in the order in which the mail names their alerts."""
    owed = AlertMail.objects.due(now=now)
    user = leases.lock_first(User.objects.filter(pk__in=owed.values("user")).order_by("pk"))
    if user is None:
        return []
    related = owed.filter(user=user).select_related("user", "alert__branch__agency", "alert__procedure")
    read = ("alert__branch__name_el", "alert__branch_id", "-alert__kind", "alert__procedure_id")
    return MAILING.take(related.order_by(*read), now=now)


@dataclass
class Concern:
    """What the mail says about one branch."""

    branch: Branch
    unplaced: int = 0
    off_clock: int = 0
    days: int = 0
    services: list[str] = field(default_factory=list)
    more_services: int = 0

    @property
    def unplaced_link(self) -> str:
        return _page("unplaced", self.branch)

    @property
    def clock_link(self) -> str:
        return _page("promises")

    @property
    def calendar_link(self) -> str:
        return _page("calendar", self.branch)


def _page(name: str, branch: Branch | None = None) -> str:
    """Return the address of the page where the supervisor can act, in the active language."""
    query = f"?branch={branch.code}" if branch else ""
    return f"{settings.SITE_URL}{reverse(f'admin:appointments_appointment_{name}')}{query}"


def letter(owed: list[AlertMail]) -> EmailMultiAlternatives:
    """Return one mail about all of these alerts, in the supervisor's language."""
    user = owed[0].user
    with translation.override(user.language):
        concerns = list(_concerns(owed))
        context = {
            "concerns": concerns[:BRANCHES_NAMED],
            "more_branches": max(len(concerns) - BRANCHES_NAMED, 0),
            "number": len(concerns),
            "first": concerns[0],
            "link": _page("watch"),
            **_brand(concerns),
        }
        mail = EmailMultiAlternatives(
            subject=" ".join(render_to_string("emails/alert.subject.txt", context).split()),
            body=paragraphs(render_to_string("emails/alert.txt", context)),
            to=[user.email],
        )
        mail.attach_alternative(render_to_string("emails/alert.html", context), "text/html")
    # Another mail of the same person tells of another last alert, and so has another Message-ID.
    marks.stamp(mail, MARKED_AS, max(one.pk for one in owed))
    return mail


def _concerns(owed: list[AlertMail]) -> Iterator[Concern]:
    for branch, mails in groupby(owed, lambda one: one.alert.branch):
        alerts = [one.alert for one in mails]
        without = [alert for alert in alerts if alert.procedure]
        names = [alert.procedure.name for alert in without if alert.procedure]
        yield Concern(
            branch,
            unplaced=sum(alert.number for alert in alerts if alert.kind == Kind.UNPLACED),
            off_clock=sum(alert.number for alert in alerts if alert.kind == Kind.OFF_CLOCK),
            days=without[0].number if without else 0,
            services=names[:SERVICES_NAMED],
            more_services=max(len(names) - SERVICES_NAMED, 0),
        )


def _brand(concerns: list[Concern]) -> dict[str, object]:
    """Return the agency, whose name and colour the mail shows, if all branches belong to one."""
    agencies = {concern.branch.agency_id: concern.branch.agency for concern in concerns}
    if len(agencies) > 1:
        return {}
    agency = concerns[0].branch.agency
    return {"agency": agency, "accent_text": text_on(agency.accent[1:])}


# Mails that come back


def follow(notice: Notice, *, now: datetime) -> bool:
    """Note that a mail about alerts did not arrive, and that its supervisor has no mail if the fault is the address's.

    The mail is not sent again. An alert that has reached nobody counts as not mailed, so supervisors who come later get it.
    """
    last = AlertMail.objects.select_related("user").filter(pk=notice.mark.key).first()
    if last is None or not notice.is_final or not notice.mark.is_for(last.user.email):
        return False
    # One mail told of all that was settled in the same moment. Without one, the worker has not noted yet that it was sent.
    together = AlertMail.objects.filter(user=last.user, settled_at=last.settled_at, pk__lte=last.pk)
    sent = together.filter(Q(settled_at=None) | Q(last_error=""))
    told = [*sent.order_by("pk").select_for_update(no_key=True)]
    if not told:
        return False
    logger.warning("The alerts for user %s came back: %s", last.user_id, notice.status or "no reason is told")
    sent_at, error = last.settled_at or now, f"came back {notice.status}".strip()
    AlertMail.objects.filter(pk__in=[one.pk for one in told]).update(
        settled_at=sent_at, leased_until=None, last_error=error
    )
    has_arrived = AlertMail.objects.filter(alert=OuterRef("pk"), last_error="").exclude(settled_at=None)
    Alert.objects.filter(pk__in=[one.alert_id for one in told]).exclude(Exists(has_arrived)).update(mailed_at=None)
    if notice.is_of_address:
        _give_up_mail(told, sent_at=sent_at, now=now)
    return True


def _give_up_mail(told: list[AlertMail], *, sent_at: datetime, now: datetime) -> None:
    """Mail no more to this supervisor's address. Once it works again, what still matters and has reached nobody is owed anew."""
    User.objects.note_returned(told[0].user.email, sent_at=sent_at, now=now)
    AlertMail.objects.filter(pk__in=[one.pk for one in told]).delete()
