"""The pages of the built-in room."""

from django.urls import path

from videocalls import views

app_name = "videocalls"

urlpatterns = [
    path("test/", views.test, name="test"),
    path("test/relay/", views.relay, name="relay"),
    path("<slug:room>/enter/", views.enter, name="enter"),
    path("<slug:room>/", views.room, name="room"),
    path("<slug:room>/sync/", views.sync, name="sync"),
    path("<slug:room>/bye/", views.bye, name="bye"),
    path("<slug:room>/leave/", views.leave, name="leave"),
    path("<slug:room>/end/", views.end, name="end"),
]
