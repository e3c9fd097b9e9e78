import re
from datetime import date, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from reports.mailing.scope import Scope, may_read
from reports.models import Recipient, Subscription

BETWEEN = re.compile(r"[\s,;]+")
LONGEST_QUERY = Subscription._meta.get_field("query").max_length or 0
MOST_PEOPLE, MOST_LISTS = 50, 30
USUAL, LONGEST = timedelta(days=365), timedelta(days=2 * 365)


class SubscriptionForm(forms.Form):
    """How a report is sent, and to whom. `scope` is what it has: None for the published table, which everybody may see.

    `known` is the list that is changed, if it is not a new one.
    """

    schedule = forms.ChoiceField(label=_("When"), choices=Subscription.Schedule, widget=forms.RadioSelect)
    period = forms.ChoiceField(label=_("Which months"), choices=Subscription.Period, widget=forms.RadioSelect)
    attachment = forms.ChoiceField(
        label=_("Attached file"),
        help_text=_("A file of more than 5 MB is not attached. The mail then leads to it."),
        choices=Subscription.Attachment,
        widget=forms.RadioSelect,
    )
    recipients = forms.CharField(
        label=_("Who gets it"),
        help_text=_(
            "E-mail addresses, one on each line. Only people who may see these figures themselves, and who have signed in "
            "here with the address."
        ),
        widget=forms.Textarea({"rows": 4, "spellcheck": "false", "autocapitalize": "none"}),
        error_messages={"required": _("Write at least one e-mail address.")},
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES, widget=forms.RadioSelect)
    last_day = forms.DateField(
        label=_("Until"),
        help_text=_("Nothing is sent after this day. It may be two years from now at the latest."),
        widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"),
        error_messages={"invalid": _("Write the date as day/month/year, for example 30/11/2022.")},
    )

    def __init__(
        self,
        data: Any = None,
        *,
        user: User,
        scope: Scope | None,
        query: str,
        today: date,
        known: Subscription | None = None,
    ) -> None:
        self.user, self.scope, self.query, self.today, self.known = user, scope, query, today, known
        super().__init__(data, initial=_as_it_is(known) if known else self._usual())

    def _usual(self) -> dict[str, Any]:
        return {
            "schedule": Subscription.Schedule.MONTHLY,
            "period": Subscription.Period.MONTH,
            "attachment": Subscription.Attachment.XLSX,
            "recipients": self.user.email,
            "language": (get_language() or "el")[:2],
            "last_day": self.today + USUAL,
        }

    def clean_recipients(self) -> list[User]:
        addresses = list(dict.fromkeys(filter(None, BETWEEN.split(self.cleaned_data["recipients"].lower()))))
        if len(addresses) > MOST_PEOPLE:
            raise ValidationError(_("Write at most %(most)d addresses."), params={"most": MOST_PEOPLE})
        found = {user.email: user for user in User.objects.filter(email__in=addresses)}
        strangers = [one for one in addresses if one not in found or not self._may_read(found[one])]
        if strangers:
            said = _("Nobody who may see these figures has signed in with this address: %(addresses)s")
            raise ValidationError(said, params={"addresses": ", ".join(strangers)})
        if stopped := [one for one in addresses if one in self._stopped()]:
            said = _("Stopped these mails themselves: %(addresses)s")
            raise ValidationError(said, params={"addresses": ", ".join(stopped)})
        return [found[one] for one in addresses]

    def _stopped(self) -> set[str]:
        stopped = self.known.recipients.filter(stopped_at__isnull=False) if self.known else Recipient.objects.none()
        return set(stopped.values_list("user__email", flat=True))

    def _may_read(self, user: User) -> bool:
        return may_read(user, self.scope or Scope(), is_public=self.scope is None)

    def clean_last_day(self) -> date:
        day: date = self.cleaned_data["last_day"]
        if not self.today < day <= self.today + LONGEST:
            raise ValidationError(_("Choose a day after today, and at most two years from now."))
        return day

    def clean(self) -> None:
        if len(self.query) > LONGEST_QUERY:
            raise ValidationError(_("The address of the report is too long. Begin at the page of the report."))
        if not self.known and Subscription.objects.filter(user=self.user, ended_at=None).count() >= MOST_LISTS:
            said = _("You have %(most)d reports by mail already. Delete one that you no longer need.")
            raise ValidationError(said, params={"most": MOST_LISTS})


def _as_it_is(known: Subscription) -> dict[str, Any]:
    people = known.recipients.filter(stopped_at=None).order_by("pk").values_list("user__email", flat=True)
    same = {name: getattr(known, name) for name in ("schedule", "period", "attachment", "language", "last_day")}
    return same | {"recipients": "\n".join(people)}
