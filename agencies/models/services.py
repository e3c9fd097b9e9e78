"""What an opening rule or a desk serves: the services it names, or all of them where it names none.

The rule in SQL, for querysets and in Python, side by side: whoever changes one changes all three.
"""

from collections.abc import Collection

from django.db.models import Q

# Whether the row `rule` serves {procedure}, a column or parameter with a procedure's key.
RULE_SERVES = """(
    NOT EXISTS (SELECT FROM agencies_openingrule_procedures one WHERE one.openingrule_id = rule.id)
    OR EXISTS (
        SELECT FROM agencies_openingrule_procedures one
        WHERE one.openingrule_id = rule.id AND one.procedure_id = {procedure}
    )
)"""


def serving(procedure: int, by: str = "") -> Q:
    """Rows that serve the procedure (its key); `by` leads from the row to what names the services, e.g. "opening_rules__"."""
    return Q(**{f"{by}procedures__isnull": True}) | Q(**{f"{by}procedures": procedure})


def serves(named: Collection[int], procedure: int | None) -> bool:
    """Whether what names these services (keys) serves the procedure (key)."""
    return not named or procedure in named
