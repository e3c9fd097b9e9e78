"""The pages on which people with a role set up their second factor. allauth does the work."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.mfa.base.views import AuthenticateView, IndexView
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.webauthn.internal import auth as webauthn
from allauth.mfa.webauthn.views import AddWebAuthnView
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from accounts.people import signed_in
from accounts.staff import factors

View = Callable[..., HttpResponseBase]
NEXT = "after_second_factor"


def of_staff(view: View) -> View:
    """Shows the page to people with a role, and to those who have a second factor since they had one."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = signed_in(request)
        if not (user.has_role or factors.has_factor(user)):
            raise Http404
        return view(request, *args, **kwargs)

    return never_cache(login_required(guarded))


def nothing(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
    """Closes pages of the library that we do not need."""
    raise Http404


@of_staff
def index(request: HttpRequest) -> HttpResponseBase:
    """Shows what is set up. Remembers where the person wanted to go, until the way is free."""
    following = request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(following, allowed_hosts=None) and following.startswith("/"):
        request.session[NEXT] = following
    return _Index.as_view()(request)


@of_staff
def to_index(request: HttpRequest) -> HttpResponseBase:
    return redirect("mfa_index")


class _Index(IndexView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        codes = context["authenticators"].get(Authenticator.Type.RECOVERY_CODES)
        start = get_adapter(self.request).get_login_redirect_url(self.request)
        return context | {
            "codes_left": len(codes.get_unused_codes()) if codes else None,
            "is_required": settings.SECOND_FACTOR_REQUIRED,
            "onward": self.request.session.get(NEXT) or start,
        }


class _Authenticate(AuthenticateView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        own = set(Authenticator.objects.filter(user=self.stage.login.user).values_list("type", flat=True))
        has = {"has_passkey": Authenticator.Type.WEBAUTHN in own, "has_app": Authenticator.Type.TOTP in own}
        return super().get_context_data(**kwargs) | has


authenticate = never_cache(_Authenticate.as_view())


class _AddApp(ActivateTOTPView):
    def form_valid(self, form: Any) -> HttpResponse:
        """Also spends the code, so that whoever has seen it cannot sign in with it."""
        answer = super().form_valid(form)
        app = Authenticator.objects.get(user=self.request.user, type=Authenticator.Type.TOTP)
        app.data["spent"] = form.spent
        app.save(update_fields=["data"])
        return answer


add_app = of_staff(_AddApp.as_view())


class _AddPasskey(AddWebAuthnView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Asks for a key that is a passkey: it knows whose it is, and asks for the finger, the face or a PIN."""
        context = super().get_context_data(**kwargs)
        options = webauthn.begin_registration(signed_in(self.request), passwordless=True)
        return context | {"js_data": {"creation_options": options}}


add_passkey = of_staff(_AddPasskey.as_view())
