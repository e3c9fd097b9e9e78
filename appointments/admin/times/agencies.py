from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from agencies.admin.agencies import AgencyAdmin
from agencies.models import Agency
from appointments.admin.times.published import leave_to_worker

# Fields that decide how far ahead times are published, and who may book them.
ABOUT_TIMES = {"horizon_days", "stage"}


@admin.register(Agency)
class PublishedAgencyAdmin(AgencyAdmin):
    def save_model(self, request: HttpRequest, obj: Agency, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        branches = list(obj.branches.all())
        if branches and ABOUT_TIMES & set(form.changed_data):
            leave_to_worker(request, branches)
