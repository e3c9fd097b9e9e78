"""What a connection pooler in front of the database does to prepared statements."""

from collections.abc import Iterable

import psycopg
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from django.db import connections

from mydesklive.postgresql.pooler import bears_preparing


@register(Tags.database)
def check_pooler(databases: Iterable[str] | None = None, **kwargs: object) -> list[CheckMessage]:
    """Says what a connection pooler in front of the database does to prepared statements. `migrate` runs this too."""
    if settings.DATABASE_PREPARE == "off" or "default" not in (databases or ()):
        return []
    try:
        bears = bears_preparing(connections["default"].get_connection_params())
    except psycopg.OperationalError:
        return []  # whoever asked learns at once that the database is away
    if bears is None:
        return []
    if settings.DATABASE_PREPARE == "on" and not bears:
        hint = "Set DATABASE_PREPARE=off. PgBouncer from 1.21 on bears them with max_prepared_statements."
        return [Error("The connection pooler loses prepared statements.", hint=hint, id="mydesklive.E030")]
    if settings.DATABASE_PREPARE == "on":
        return []
    hint = "Set DATABASE_PREPARE=" + ("on: this pooler bears them." if bears else "off: this pooler loses them.")
    text = "A connection pooler is in front of the database, so statements are not prepared."
    return [Caution(text, hint=hint, id="mydesklive.W030")]
