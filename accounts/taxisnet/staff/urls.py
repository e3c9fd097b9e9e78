"""The addresses of TAXISnet for public employees. allauth looks for those of each provider in a package of its own."""

from django.urls import path

from accounts.taxisnet.views import staff_callback, staff_login

urlpatterns = [
    path("taxisnet-staff/login/", staff_login, name="taxisnet_staff_login"),
    path("taxisnet-staff/login/callback/", staff_callback, name="taxisnet_staff_callback"),
]
