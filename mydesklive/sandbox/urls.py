"""The addresses of the sandbox. They are there in the demo alone (mydesklive/urls.py)."""

from django.urls import path

from mydesklive.sandbox import oidc, taxisnet

urlpatterns = [
    path("oidc/.well-known/openid-configuration", oidc.configuration, name="sandbox-oidc-configuration"),
    path("oidc/authorize", oidc.authorize, name="sandbox-oidc-authorize"),
    path("oidc/token", oidc.token, name="sandbox-oidc-token"),
    path("oidc/userinfo", oidc.userinfo, name="sandbox-oidc-userinfo"),
    path("oidc/keys", oidc.keys, name="sandbox-oidc-keys"),
    path("<slug:server>/oauth/authorize", taxisnet.authorize, name="sandbox-authorize"),
    path("<slug:server>/oauth/token", taxisnet.token, name="sandbox-token"),
    path("<slug:server>/userinfo", taxisnet.userinfo, name="sandbox-userinfo"),
    path("<slug:server>/logout/<str:client_id>/", taxisnet.sign_out, name="sandbox-sign-out"),
]
