from django.urls import URLPattern, URLResolver, include, path

from appointments.views.booking.appointment import detail, done, mine
from appointments.views.booking.cancel import cancel
from appointments.views.booking.check import check
from appointments.views.booking.contact import contact
from appointments.views.booking.details import details
from appointments.views.booking.find import find, leave
from appointments.views.booking.move import move, move_branch, move_check
from appointments.views.booking.rating import rate
from appointments.views.booking.time import times
from appointments.views.booking.verify import verify, verify_again
from appointments.views.calendar.feed import feed
from appointments.views.calls import guests
from appointments.views.calls.join import enter, join
from appointments.views.calls.line import enter_line, line
from appointments.views.counter import kiosk
from appointments.views.counter.display import display
from appointments.views.counter.here import here
from appointments.views.counter.rating import rate_visit
from appointments.views.counter.ticket import ticket
from appointments.views.messages.calendar_file import calendar_file
from appointments.views.mydata import data, erase
from appointments.views.offers.answer import offer
from appointments.views.owners.links import links
from appointments.views.owners.proof import proof
from appointments.views.times.branch import branch
from appointments.views.times.channel import channel, start
from appointments.views.times.procedure import procedure
from appointments.views.whom.choosing import whom

app_name = "appointments"

journey: list[URLPattern] = [
    path("", start, name="start"),
    path("channel/", channel, name="channel"),
    path("branch/", branch, name="branch"),
    path("time/", times, name="times"),
    path("whom/", whom, name="whom"),
    path("details/", details, name="details"),
    path("check/", check, name="check"),
]

managing: list[URLPattern] = [
    path("", detail, name="detail"),
    path("open/", proof, name="open"),
    path("done/", done, name="done"),
    path("verify/", verify, name="verify"),
    path("verify/again/", verify_again, name="verify_again"),
    path("contact/", contact, name="contact"),
    path("move/", move, name="move"),
    path("move/branch/", move_branch, name="move_branch"),
    path("move/check/", move_check, name="move_check"),
    path("cancel/", cancel, name="cancel"),
    path("offer/", offer, name="offer"),
    path("rate/", rate, name="rate"),
    path("calendar.ics", calendar_file, name="calendar"),
    path("here/", here, name="here"),
    path("data/", data.appointment, name="appointment_data"),
    path("data.json", data.appointment_file, name="appointment_data_file"),
    path("erase/", erase.appointment, name="appointment_erase"),
    path("join/", join, name="join"),
    path("join/enter/", enter, name="enter"),
    path("join/guests/", guests.invite, name="invite"),
    path("join/guests/mail/", guests.send, name="send_link"),
]

# The key of the branch's kiosk opens these pages without a sign-in.
at_branch: list[URLPattern] = [
    path("", kiosk.start, name="kiosk"),
    path("appointment/", kiosk.appointment, name="kiosk_appointment"),
    path("walk-in/", kiosk.walk_in, name="kiosk_walk_in"),
    path("tickets/<slug:code>/", kiosk.ticket, name="kiosk_ticket"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("feeds/<slug:key>.ics", feed, name="feed"),
    path("kiosk/<slug:key>/", include(at_branch)),
    path("display/<slug:key>/", display, name="display"),
    path("queue/<slug:code>/", ticket, name="ticket"),
    path("guests/<slug:token>/", guests.guest, name="guest"),
    path("guests/<slug:token>/enter/", guests.enter, name="guest_enter"),
    path("queue/<slug:code>/rate/", rate_visit, name="rate_visit"),
    path("queue/<slug:code>/enter/", enter_line, name="enter_line"),
    path("appointments/", mine, name="list"),
    path("appointments/find/", find, name="find"),
    path("appointments/find/links/", links, name="links"),
    path("appointments/leave/", leave, name="leave"),
    path("appointments/data/", data.account, name="data"),
    path("appointments/data.json", data.account_file, name="data_file"),
    path("appointments/data/erase/", erase.past, name="erase_past"),
    path("appointments/data/close/", erase.close, name="close_account"),
    path("appointments/<slug:reference>/", include(managing)),
    path("<slug:platform_slug>/<slug:code>/book/", include(journey)),
    path("<slug:platform_slug>/<slug:code>/now/", line, name="line"),
    # This must be last, because it matches every address of two parts.
    path("<slug:platform_slug>/<slug:code>/", procedure, name="procedure"),
]
