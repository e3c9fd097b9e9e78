"""Fields that several tables have."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


def a_count() -> "models.IntegerField[int, int]":
    return models.IntegerField(default=0)


def a_spread() -> "ArrayField[list[int], list[int]]":
    """Returns a field for a small histogram. Spreads of several rows are added bucket by bucket; empty means no value."""
    return ArrayField(models.IntegerField(), default=list)
