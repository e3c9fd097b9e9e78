"""The officers' workplace: the day, one appointment, booking for callers, and the opening rules that make the times."""

from appointments.admin.counter.desks import DeskAdmin
from appointments.admin.disruptions.starting import DisruptionAdmin
from appointments.admin.news.procedures import AnnouncedProcedureAdmin
from appointments.admin.times.agencies import PublishedAgencyAdmin
from appointments.admin.times.branches import BranchOpeningsAdmin
from appointments.admin.times.closures import ClosureAdmin
from appointments.admin.times.rules import OpeningRuleAdmin
from appointments.admin.workplace import AppointmentAdmin

__all__ = [
    "AnnouncedProcedureAdmin",
    "AppointmentAdmin",
    "BranchOpeningsAdmin",
    "ClosureAdmin",
    "DeskAdmin",
    "DisruptionAdmin",
    "OpeningRuleAdmin",
    "PublishedAgencyAdmin",
]
