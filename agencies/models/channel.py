from django.db import models
from django.utils.translation import gettext_lazy as _


class Channel(models.TextChoices):
    """The way in which a citizen is served."""

    IN_PERSON = "in_person", _("In person")
    VIDEO = "video", _("By video call")
    PHONE = "phone", _("By telephone")


# The channels in which nobody comes to the branch.
REMOTE = frozenset({Channel.VIDEO, Channel.PHONE})
