from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AppointmentsConfig(AppConfig):
    name = "appointments"
    verbose_name = _("Appointments")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from appointments.booking.owners import joining  # noqa: F401 (listens for addresses that are proved)
        from appointments.calls import roles  # noqa: F401 (listens for roles that are lost)
