from django.contrib import admin

from agencies.admin.procedures import ProcedureAdmin
from agencies.models import Procedure
from appointments.admin.news.announced import AnnouncedAdmin


@admin.register(Procedure)
class AnnouncedProcedureAdmin(AnnouncedAdmin, ProcedureAdmin):
    """A service's form, which asks whether those who have booked it are told what changes."""
