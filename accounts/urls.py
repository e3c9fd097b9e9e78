"""The demo's mailbox. It does not exist outside the demo."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("demo/mail/", views.mailbox, name="demo-mail"),
    path("demo/mail/<int:pk>/", views.mail, name="demo-mail-detail"),
    path("demo/mail/<int:pk>/html/", views.mail_html, name="demo-mail-html"),
    path("demo/mail/<int:pk>/<int:part>/", views.attachment, name="demo-mail-attachment"),
]
