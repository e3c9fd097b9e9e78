"""The officers' workplace: the day, one appointment, booking for callers, and the openings that times come from."""

from appointments.admin.agencies import PublishedAgencyAdmin
from appointments.admin.appointments import AppointmentAdmin
from appointments.admin.branches import BranchOpeningsAdmin
from appointments.admin.closures import ClosureAdmin
from appointments.admin.desks import DeskAdmin
from appointments.admin.disruptions import DisruptionAdmin
from appointments.admin.rules import OpeningRuleAdmin

__all__ = [
    "AppointmentAdmin",
    "BranchOpeningsAdmin",
    "ClosureAdmin",
    "DeskAdmin",
    "DisruptionAdmin",
    "OpeningRuleAdmin",
    "PublishedAgencyAdmin",
]
