from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.work.waking import wake_worker
from agencies.admin.agencies import AgencyAdmin
from agencies.models import Agency
from appointments.admin.times.published import leave_to_worker
from videocalls.providers import PROVIDERS

# Fields that decide how far ahead times are published, and who may book them.
ABOUT_TIMES = {"horizon_days", "stage"}
# Fields that decide when and where the room of a video call is.
ABOUT_CALLS = {"video_early_minutes", "video_late_minutes", "video_link"}


@admin.register(Agency)
class PublishedAgencyAdmin(AgencyAdmin):
    def save_model(self, request: HttpRequest, obj: Agency, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        branches = list(obj.branches.all())
        if branches and ABOUT_TIMES & set(form.changed_data):
            leave_to_worker(request, branches)
        if ABOUT_CALLS & set(form.changed_data):
            wake_worker("appointments.tasks.follow_windows")
        for name in {obj.video_provider, obj.video_fallback} - {""}:
            if fault := PROVIDERS[name].fault():
                texts = {"provider": Agency.VideoProvider(name).label, "fault": fault}
                messages.warning(request, _("%(provider)s cannot be used yet: %(fault)s.") % texts)
