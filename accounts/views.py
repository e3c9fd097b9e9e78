"""The address of an account, and the demo's mailbox, which every visitor of the demo can read."""

from collections.abc import Callable
from functools import wraps

from allauth.account.views import EmailView
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.mails.mailbox import parsed
from accounts.models import DemoMail
from accounts.people import signed_in

PER_PAGE = 25
# A mail is shown in a frame that runs no scripts and loads no files. Its links may open in the surrounding window, whose
# script may ask how high the mail is.
MAIL_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-same-origin allow-top-navigation-by-user-activation",
    "X-Frame-Options": "SAMEORIGIN",
}
View = Callable[..., HttpResponseBase]


@never_cache
@login_required
def address(request: HttpRequest) -> HttpResponseBase:
    """Lets citizens change the address of their account. It becomes theirs with the code that is sent there."""
    if not signed_in(request).changes_own_address:
        return render(request, "account/address_fixed.html", status=403)
    return EmailView.as_view()(request)


def no_passwords(request: HttpRequest) -> HttpResponseBase:
    """Closes the libraries' pages about passwords. Only the demo has passwords, and all its visitors share them."""
    raise Http404


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
    return HttpResponse('<base target="_top">' + body.get_content(), headers=MAIL_HEADERS)


@demo_only
def attachment(request: HttpRequest, pk: int, part: int) -> HttpResponse:
    parts = list(parsed(get_object_or_404(DemoMail, pk=pk)).iter_attachments())
    if part >= len(parts):
        raise Http404
    name = parts[part].get_filename() or "attachment"
    answer = HttpResponse(parts[part].get_payload(decode=True), content_type=parts[part].get_content_type())
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    return answer
