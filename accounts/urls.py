"""The first sign-in at a provider, and the demo's mailbox, which does not exist outside the demo."""

from django.urls import path

from accounts import views
from accounts.entering import views as entering

urlpatterns = [
    path("accounts/contact/", entering.contact, name="contact"),
    path("accounts/contact/code/", entering.contact_code, name="contact-code"),
    path("accounts/not-signed-in/<slug:why>/", entering.sign_in_failed, name="sign-in-failed"),
    path("demo/mail/", views.mailbox, name="demo-mail"),
    path("demo/mail/<int:pk>/", views.mail, name="demo-mail-detail"),
    path("demo/mail/<int:pk>/html/", views.mail_html, name="demo-mail-html"),
    path("demo/mail/<int:pk>/<int:part>/", views.attachment, name="demo-mail-attachment"),
]
