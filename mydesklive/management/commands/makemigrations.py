from django.core.checks import Tags
from django.core.management.commands import makemigrations


class Command(makemigrations.Command):
    """Writes code, so it needs no keys and no servers."""

    requires_system_checks = [Tags.models]
