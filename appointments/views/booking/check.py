"""The last page before booking: it shows everything once more, with the button that books."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import identities
from agencies.models import ForWhom
from appointments import booking
from appointments.booking import telling
from appointments.booking.allowance import overlaps
from appointments.booking.persons import digest_of, keys_of
from appointments.details import CHOICES, BookingForm
from appointments.errors import BookingError, HoldExpired, LevelTooLow, LimitReached, PerhapsBooked, ProofNeeded
from appointments.forms import ConfirmForm, refuse
from appointments.models import Appointment
from appointments.views.acting import to_sign_in, visitor
from appointments.views.booking.draft import Draft, citizen, own_timezone
from appointments.views.booking.hold import finished, for_held
from appointments.views.times.journey import Journey


@require_http_methods(["GET", "HEAD", "POST"])
@for_held
def check(request: HttpRequest, draft: Draft, held: Appointment, journey: Journey) -> HttpResponse:
    now, identity = timezone.now(), identities.of(request.user)
    if not (whom := draft.whom(held.procedure, now=now)):
        return redirect(journey.address("whom"))
    details = BookingForm(held, whom, held.procedure.declaration, draft.typed(now=now), identity=identity)
    if not details.is_valid():
        return redirect(journey.address("details"))
    form = ConfirmForm(request.POST) if request.method == "POST" else ConfirmForm()
    refused: BookingError | None = None
    seen, overlap = digest_of(details.cleaned_data), _at_same_time(request, held, details)
    if request.method == "POST" and _agrees(form, draft, seen) and _knows(form, overlap):
        try:
            return finished(request, draft, _confirm(request, held, details))
        except HoldExpired:
            raise
        except LimitReached as error:
            refused = _limit_reached(error, request, held, details)
            refuse(form, refused)
        except BookingError as error:
            refused = error
            refuse(form, error)
    context = journey.context("check") | _change_urls(journey)
    context |= {"held": held, "seen": seen, "form": form, "rows": _rows(details), "overlap": overlap}
    context |= {
        "whom": CHOICES[ForWhom(whom)] if "whom" in journey.questions else "",
        "whom_url": journey.address("whom"),
        "has_own": isinstance(refused, LimitReached),
        "sign_in": to_sign_in(request.path) if isinstance(refused, ProofNeeded | LevelTooLow) else "",
    }
    return render(request, "appointments/booking/check.html", context)


def _at_same_time(request: HttpRequest, held: Appointment, details: BookingForm) -> Appointment | None:
    """Returns an appointment that the visitor has at the time already. It is no obstacle, but is told."""
    who, known = citizen(request), request.session.get("appointments", [])
    keys = keys_of(details.contact(""), who)
    return overlaps.at_same_time(keys, who, held.starts_at, held.ends_at, known=known, but=held)


def _knows(form: ConfirmForm, overlap: Appointment | None) -> bool:
    """Returns whether the sent page told of the other appointment at the time. Otherwise adds that to the form."""
    if overlap and form.cleaned_data["overlap"] != overlap.reference:
        form.add_error(None, _("You have another appointment at this time. Look at it below, and then decide."))
    return not form.errors


def _agrees(form: ConfirmForm, draft: Draft, seen: str) -> bool:
    """Returns whether the sent page showed the time that is held and the details that are kept now.

    Otherwise adds an error to the form. The citizen may have chosen another time, or typed something else, in another
    window.
    """
    if not (form.is_valid() and draft.is_for(form.cleaned_data["hold"])):
        form.add_error(None, _("You have chosen another time in the meantime. Please check it once more."))
    elif form.cleaned_data["seen"] not in ("", seen):
        form.add_error(None, _("You have typed other details in the meantime. Please check them once more."))
    return not form.errors


def _confirm(request: HttpRequest, held: Appointment, details: BookingForm) -> Appointment:
    contact = details.contact(own_timezone(request))
    return booking.confirm(held, contact, by=visitor(request), now=timezone.now())


def _limit_reached(
    error: LimitReached, request: HttpRequest, held: Appointment, details: BookingForm
) -> LimitReached | PerhapsBooked:
    """Returns what the visitor may know of the reason, and has the owner of the open appointment told."""
    keys, known = keys_of(details.contact(""), citizen(request)), request.session.get("appointments", [])
    return telling.refusal(error, keys, citizen(request), held.procedure, known=known, now=timezone.now())


def _change_urls(journey: Journey) -> dict[str, str]:
    """Returns the addresses where the channel, the branch and the time can be changed.

    A question not asked has none.
    """
    asked = [question for question in ("channel", "branch", "times") if question in journey.questions]
    return {f"{question}_url": journey.address(question) for question in asked}


def _rows(details: BookingForm) -> list[dict[str, str]]:
    """Returns label, value and field of everything that was filled in. What a provider has told has no field to change."""
    languages = {"language": dict(settings.LANGUAGES)[details.cleaned_data["language"]]}
    return [
        {
            "label": str(details[name].label),
            "value": str(languages.get(name) or details.shown(name)),
            "field": "" if field.disabled else details.anchor(name),
        }
        for name, field in details.fields.items()
        if details.cleaned_data.get(name)
    ]
