from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VideoCallsConfig(AppConfig):
    name = "videocalls"
    verbose_name = _("Video calls")
    default_auto_field = "django.db.models.BigAutoField"
