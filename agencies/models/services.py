"""The services of an opening rule or a desk: those that it names, or all services if it names none.

The rule is here three times: in SQL, for querysets, and in Python. A change of one has to change all three.
"""

from collections.abc import Collection

from django.db.models import Q

# SQL: true if the row `rule` serves {procedure}, a column or parameter with a procedure's key.
RULE_SERVES = """(
    NOT EXISTS (SELECT FROM agencies_openingrule_procedures one WHERE one.openingrule_id = rule.id)
    OR EXISTS (
        SELECT FROM agencies_openingrule_procedures one
        WHERE one.openingrule_id = rule.id AND one.procedure_id = {procedure}
    )
)"""


def serving(procedure: int, by: str = "") -> Q:
    """Matches rows that serve the procedure (its key). `by` is the path from the row to the rule or desk: "opening_rules__"."""
    return Q(**{f"{by}procedures__isnull": True}) | Q(**{f"{by}procedures": procedure})


def serves(named: Collection[int], procedure: int | None) -> bool:
    """Returns whether a rule or desk that names these services (keys) serves the procedure (key)."""
    return not named or procedure in named
