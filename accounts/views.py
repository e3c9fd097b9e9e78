"""The codes and the address of an account, and the demo's mailbox, which every visitor of the demo can read."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from allauth.account.views import ConfirmEmailVerificationCodeView, ConfirmLoginCodeView, EmailView, ReauthenticateView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.limits import tries
from accounts.mails import outbox
from accounts.mails.mailbox import parsed
from accounts.mails.styling import style_sources
from accounts.models import DemoMail
from accounts.people import signed_in

PER_PAGE = 25
# A mail is shown in a frame that runs no scripts and loads no files. Its links may open in the surrounding window, whose
# script may ask how high the mail is.
MAIL_POLICY = (
    "default-src 'none'; style-src {styles}; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-same-origin allow-top-navigation-by-user-activation"
)
View = Callable[..., HttpResponseBase]


@never_cache
@login_required
def address(request: HttpRequest) -> HttpResponseBase:
    """Lets citizens change the address of their account. It becomes theirs with the code that is sent there."""
    if not signed_in(request).changes_own_address:
        return render(request, "account/address_fixed.html", status=403)
    return EmailView.as_view()(request)


class _AwaitsCode:
    """What the library's pages that ask for a code lack: how the mail is getting on, and a code that lasts when sent again."""

    begin: str  # the name of the page on which an address is typed
    wait = 0  # seconds before a code can be sent again
    request: HttpRequest
    _process: Any
    passthrough_next_url: Callable[[str], str]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)  # type: ignore[misc]
        return context | {"progress": outbox.progress(self.request.session, context["email"], now=timezone.now())}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Also begins anew with another address. The library leads back here as long as it awaits the code."""
        if request.POST.get("action") != "begin":
            return super().post(request, *args, **kwargs)  # type: ignore[misc]
        self._process.abort()
        begin = "account_email" if request.user.is_authenticated else self.begin
        return redirect(self.passthrough_next_url(reverse(begin)))

    def _resend_form_valid(self, form: Any) -> HttpResponseBase:
        state, now = self._process.state, timezone.now()
        wait_until = datetime.fromtimestamp(state["at"] + self.wait, UTC)
        try:
            tries.count_code_again(self.request, state["email"], wait_until=wait_until, now=now)
        except ValidationError as refusal:  # no code is sent, so the earlier one stays valid
            messages.error(self.request, " ".join(refusal.messages))
            return redirect(self.request.get_full_path())
        state["at"] = now.timestamp()  # the new code is valid as long as its mail says
        return super()._resend_form_valid(form)  # type: ignore[misc]


@method_decorator(never_cache, name="dispatch")
class SignInCode(_AwaitsCode, ConfirmLoginCodeView):
    """Asks for the code that signs in."""

    begin = "account_request_login_code"


@method_decorator(never_cache, name="dispatch")
class AddressCode(_AwaitsCode, ConfirmEmailVerificationCodeView):
    """Asks for the code that proves an address: of a new account, or a new one of an old account."""

    begin = "account_signup"
    wait = tries.CODE_TAKES  # nobody has proved yet that the address is theirs


def closed(request: HttpRequest) -> HttpResponseBase:
    """Closes pages of libraries: about passwords, which only the demo has, for all its visitors; and about providers."""
    raise Http404


@never_cache
def password_again(request: HttpRequest) -> HttpResponseBase:
    """Asks for the password once more before something about the account is changed."""
    if not settings.PASSWORD_SIGN_IN:
        raise Http404
    return ReauthenticateView.as_view()(request)


def demo_only(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not settings.MYDESK_DEMO:
            raise Http404
        return view(request, *args, **kwargs)

    return never_cache(require_safe(guarded))


@demo_only
def mailbox(request: HttpRequest) -> HttpResponse:
    recipient = request.GET.get("q", "").strip().lower()
    mails = DemoMail.objects.defer("source")
    if recipient:
        mails = mails.filter(recipient__icontains=recipient)
    page = Paginator(mails, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "accounts/mailbox.html", {"page": page, "query": recipient})


@demo_only
def mail(request: HttpRequest, pk: int) -> HttpResponse:
    kept = get_object_or_404(DemoMail, pk=pk)
    message = parsed(kept)
    text = message.get_body(("plain",))
    context = {
        "mail": kept,
        "text": text.get_content() if text else "",
        "has_html": message.get_body(("html",)) is not None,
        "attachments": [part.get_filename() or part.get_content_type() for part in message.iter_attachments()],
    }
    return render(request, "accounts/mail.html", context)


@demo_only
def mail_html(request: HttpRequest, pk: int) -> HttpResponse:
    body = parsed(get_object_or_404(DemoMail, pk=pk)).get_body(("html",))
    if body is None:
        raise Http404
    html = body.get_content()
    policy = MAIL_POLICY.format(styles=" ".join(style_sources(html)))
    headers = {"Content-Security-Policy": policy, "X-Frame-Options": "SAMEORIGIN"}
    return HttpResponse('<base target="_top">' + html, headers=headers)


@demo_only
def attachment(request: HttpRequest, pk: int, part: int) -> HttpResponse:
    parts = list(parsed(get_object_or_404(DemoMail, pk=pk)).iter_attachments())
    if part >= len(parts):
        raise Http404
    name = parts[part].get_filename() or "attachment"
    answer = HttpResponse(parts[part].get_payload(decode=True), content_type=parts[part].get_content_type())
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    return answer
