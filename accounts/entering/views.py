"""What follows when a provider has signed somebody in for the first time: an address, its code, and an account.

And the page that says why somebody is not signed in.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps

from allauth.account.adapter import get_adapter
from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.models import SocialLogin
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.entering import texts, waiting
from accounts.entering.forms import ContactCodeForm, ContactForm, StaffContactForm
from accounts.entering.social import LEVEL, sign_in
from accounts.entering.waiting import ContactProcess, Waiting
from accounts.identities import joining
from accounts.identities.reasons import Why
from accounts.limits import tries
from accounts.mails import outbox
from accounts.models import User
from accounts.providers import configured
from accounts.providers.round_trip import failed
from accounts.security import What, tell

WAIT = timedelta(seconds=tries.CODE_TAKES)


def _home(request: HttpRequest) -> HttpResponseBase | None:
    """Leads on whom an earlier click, or another tab, has signed in meanwhile."""
    return redirect(get_adapter(request).get_login_redirect_url(request)) if request.user.is_authenticated else None


@never_cache
@require_safe
def sign_in_failed(request: HttpRequest, why: str) -> HttpResponseBase:
    """Says why somebody is not signed in, and offers what to do."""
    if why not in [*Why]:
        raise Http404
    if why == Why.STATE and (home := _home(request)):
        return home
    source = request.GET.get("source", "")
    context = {
        "told": texts.TOLD[Why(why)],
        "way": configured.way(source),
        "is_staff": configured.is_for_staff(source),
        "next": get_next_redirect_url(request) or "",
    }
    return render(request, "accounts/entering/failed.html", context)


def for_waiting(view: Callable[[HttpRequest, Waiting], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Gives the view the person who waits for an account. Whoever does not is led to the beginning."""

    @wraps(view)
    def opened(request: HttpRequest) -> HttpResponseBase:
        if person := waiting.who(request):
            return view(request, person)
        return _home(request) or failed(Why.STATE)

    return never_cache(require_http_methods(["GET", "HEAD", "POST"])(opened))


@for_waiting
def contact(request: HttpRequest, who: Waiting) -> HttpResponseBase:
    """Asks once where the person is reached. Name and tax number come from the provider and are only shown."""
    make = StaffContactForm if who.is_staff else ContactForm
    if request.method == "POST" and "leave" in request.POST:
        waiting.end(request)
        return redirect("account_login")
    form = make(request, request.POST) if request.method == "POST" else make(request, initial=_known(request))
    if form.is_valid():
        ContactProcess.initiate(request, form.cleaned_data["email"].lower(), form.cleaned_data.get("phone", ""))
        return redirect("contact-code")
    context = {"form": form, "person": who.person, "is_staff": who.is_staff, "is_business": who.person.is_business}
    return render(request, "accounts/entering/contact.html", context)


def _known(request: HttpRequest) -> dict[str, str]:
    """Returns what the account says in which somebody was signed in by a code until now: probably the same person."""
    user = request.user
    return {"email": user.email, "phone": user.phone} if isinstance(user, User) else {}


@for_waiting
def contact_code(request: HttpRequest, who: Waiting) -> HttpResponseBase:
    """Asks for the code of the mail. It opens the account with this address, or makes one."""
    process = ContactProcess.resume(request)
    if process is None:
        return redirect("contact")
    action = request.POST.get("action", "")
    if action == "begin":
        process.abort()
        return redirect("contact")
    if action == "resend" and process.can_resend:
        _send_again(request, process)
        return redirect("contact-code")
    form = ContactCodeForm(request.POST, code=process.code) if request.method == "POST" else ContactCodeForm()
    if form.is_valid():
        return _entered(request, who, process)
    if form.errors:
        has_more = process.record_invalid_attempt()
        tell(What.CODE_FAILED, last=int(not has_more))
        if not has_more:
            return _ended(request, who, Why.CODE)
    context = {
        "verify_form": form,
        "form": form,
        "email": process.email,
        "can_resend": process.can_resend,
        "cancel_url": reverse("contact"),
        "progress": outbox.progress(request.session, process.email, now=timezone.now()),
    }
    return render(request, "accounts/entering/code.html", context)


def _send_again(request: HttpRequest, process: ContactProcess) -> None:
    """Sends another code, unless it is too soon or too often. Then the earlier one stays valid."""
    now, sent_at = timezone.now(), datetime.fromtimestamp(process.state["at"], UTC)
    try:
        tries.count_code_again(request, process.email, wait_until=sent_at + WAIT, now=now)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return
    process.state["at"] = now.timestamp()
    process.resend()


def _entered(request: HttpRequest, who: Waiting, process: ContactProcess) -> HttpResponseBase:
    person, language = who.person, (translation.get_language() or "el")[:2]
    try:
        reached = joining.Reached(process.email, process.phone, language)
        joined = joining.join(person, reached, is_staff=who.is_staff, now=timezone.now())
    except joining.NotJoinedError as error:
        return _ended(request, who, error.why)
    waiting.end(request)
    User.objects.note_arrived(joined.user)
    login = SocialLogin(user=joined.user, account=joined.account, provider=configured.provider(request, person.source))
    login.state = {"next": who.back, LEVEL: person.level}
    return sign_in(request, joined.user, login, is_new=joined.is_new)


def _ended(request: HttpRequest, who: Waiting, why: Why) -> HttpResponseBase:
    """Leads to the reason. With another address the person may go on, without a new round trip."""
    request.session.pop(waiting.CODE, None)
    if why not in (Why.OTHER, Why.HAS_ROLE):
        waiting.end(request)
    return failed(why, source=who.person.source, back=who.back)
