"""What holds for every template of the project."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.template import Template, engines
from django.template.loader import get_template
from django.templatetags.i18n import BlockTranslateNode
from django.utils.translation import override

TEMPLATES = Path(__file__).parent.parent.parent / "templates"
NAMES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*") if path.suffix in {".html", ".txt"})


def hidden_counts(template: Template) -> set[str]:
    """The expressions of `count` that ask a variable which `with` of the same tag has given another value.

    Django sets the names of `with` first and counts after that.
    """
    found = set()
    for node in template.nodelist.get_nodes_by_type(BlockTranslateNode):
        hidden = {name for name, given in node.extra_context.items() if given.token != name}
        if node.counter and str(node.counter.var).split(".")[0] in hidden:
            found.add(node.counter.token)
    return found


def test_a_number_is_that_of_the_variable_it_names() -> None:
    hidden = {name: hidden_counts(get_template(name).template) for name in NAMES}
    assert {name: counts for name, counts in hidden.items() if counts} == {}


def test_a_hidden_number_would_be_found() -> None:
    tag = "{% blocktranslate count n=day.times|length with day=day.name %}{{ day }} {{ n }}{% plural %}{% endblocktranslate %}"
    assert hidden_counts(engines["django"].from_string("{% load i18n %}" + tag).template) == {"day.times|length"}


@pytest.mark.parametrize("free", [1, 3])
def test_a_day_says_how_many_times_are_free(free: int) -> None:
    moment = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    day = {"date": moment.date(), "times": [{"slot": slot, "starts_at": moment} for slot in range(free)]}
    field = SimpleNamespace(errors=[], label="Time", value=None)
    context = {
        "times": {"since": moment.date(), "next": moment.date(), "days": [day]},
        "field": field,
        "address": "?from=",
    }
    with override("en"):
        shown = get_template("admin/appointments/booking/_times.html").render(context)
    assert f"Monday 2 March: {free} free" in shown
