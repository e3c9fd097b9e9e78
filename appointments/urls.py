from django.urls import URLPattern, URLResolver, include, path

from appointments.views.appointment import detail, done, mine
from appointments.views.branch import branch
from appointments.views.calendar import calendar_file
from appointments.views.cancel import cancel
from appointments.views.channel import channel, start
from appointments.views.check import check
from appointments.views.details import details
from appointments.views.find import find
from appointments.views.join import enter, join
from appointments.views.move import move, move_branch, move_check
from appointments.views.procedure import procedure
from appointments.views.rating import rate
from appointments.views.times import times
from appointments.views.verify import verify, verify_again

app_name = "appointments"

journey: list[URLPattern] = [
    path("", start, name="start"),
    path("channel/", channel, name="channel"),
    path("branch/", branch, name="branch"),
    path("time/", times, name="times"),
    path("details/", details, name="details"),
    path("check/", check, name="check"),
]

managing: list[URLPattern] = [
    path("", detail, name="detail"),
    path("done/", done, name="done"),
    path("verify/", verify, name="verify"),
    path("verify/again/", verify_again, name="verify_again"),
    path("move/", move, name="move"),
    path("move/branch/", move_branch, name="move_branch"),
    path("move/check/", move_check, name="move_check"),
    path("cancel/", cancel, name="cancel"),
    path("rate/", rate, name="rate"),
    path("calendar.ics", calendar_file, name="calendar"),
    path("join/", join, name="join"),
    path("join/enter/", enter, name="enter"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("appointments/", mine, name="list"),
    path("appointments/find/", find, name="find"),
    path("appointments/<slug:reference>/", include(managing)),
    path("<slug:platform_slug>/<slug:code>/book/", include(journey)),
    # Last: any other address of two parts is taken before.
    path("<slug:platform_slug>/<slug:code>/", procedure, name="procedure"),
]
