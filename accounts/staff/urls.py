"""The pages about second factors, in place of allauth's at the same addresses."""

from allauth.mfa.base.views import reauthenticate
from allauth.mfa.recovery_codes.views import generate_recovery_codes, view_recovery_codes
from allauth.mfa.totp.views import deactivate_totp
from allauth.mfa.webauthn.views import login_webauthn, reauthenticate_webauthn, remove_webauthn
from django.urls import path
from django.views.decorators.cache import never_cache

from accounts.staff import views

urlpatterns = [
    path("", views.index, name="mfa_index"),
    path("authenticate/", views.authenticate, name="mfa_authenticate"),
    path("reauthenticate/", views.of_staff(reauthenticate), name="mfa_reauthenticate"),
    path("totp/activate/", views.add_app, name="mfa_activate_totp"),
    path("totp/deactivate/", views.of_staff(deactivate_totp), name="mfa_deactivate_totp"),
    path("recovery-codes/", views.of_staff(view_recovery_codes), name="mfa_view_recovery_codes"),
    path("recovery-codes/generate/", views.of_staff(generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("recovery-codes/download/", views.nothing),
    path("webauthn/", views.to_index, name="mfa_list_webauthn"),
    path("webauthn/add/", views.add_passkey, name="mfa_add_webauthn"),
    path("webauthn/login/", never_cache(login_webauthn), name="mfa_login_webauthn"),
    path("webauthn/reauthenticate/", views.of_staff(reauthenticate_webauthn), name="mfa_reauthenticate_webauthn"),
    path("webauthn/keys/<int:pk>/remove/", views.of_staff(remove_webauthn), name="mfa_remove_webauthn"),
    path("webauthn/keys/<int:pk>/edit/", views.nothing),
]
