from django.conf import settings
from django.db import models


class Search(models.Model):
    """A search on a public page that found nothing. It stands for two days: then it is counted, and deleted.

    `text` is folded, and empty if it may tell of a person (`agencies.finding.missed`). `network` is a mark of the day,
    `crowd` one bit for ever (`accounts.visits.visitors`). No agency: on the portal. No admin: rows stay for two days.
    """

    agency_id = models.BigIntegerField(null=True)
    language = models.CharField(max_length=2, choices=settings.LANGUAGES)
    day = models.DateField()
    at = models.DateTimeField()
    text = models.CharField(max_length=60, blank=True)
    network = models.CharField(max_length=32)
    crowd = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["day", "network", "text", "agency_id", "language"],
                nulls_distinct=False,
                name="searched_once_a_day",
            ),
        )

    def __str__(self) -> str:
        return f"{self.day}"
