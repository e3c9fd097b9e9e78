"""The look of all forms: the markup of gov.gr, from `templates/forms/`."""

from typing import Any

from allauth.core import context
from django.forms import BoundField, Widget
from django.forms.renderers import TemplatesSetting
from django.http import QueryDict
from django.utils.functional import cached_property

# The name of the button that shows the page in the other language (templates/_header.html).
SWITCH = "switch"

CLASSES = {
    "radio": "govgr-radios__input",
    "checkbox": "govgr-checkboxes__input",
    "checkboxes": "govgr-checkboxes__input",
    "select": "govgr-select",
    "textarea": "govgr-textarea",
    "input": "govgr-input",
}
_KINDS = {
    "RadioSelect": "radio",
    "CheckboxSelectMultiple": "checkboxes",
    "CheckboxInput": "checkbox",
    "Select": "select",
    "Textarea": "textarea",
}


class Field(BoundField):
    """A field that knows its kind of control, so that template and stylesheet agree."""

    @property
    def kind(self) -> str:
        names = (parent.__name__ for parent in type(self.field.widget).__mro__)
        return next((_KINDS[name] for name in names if name in _KINDS), "input")

    @cached_property
    def initial(self) -> Any:
        """The first value: what was typed before the language changed, or else what the form says."""
        typed = _typed()
        if self.html_name in typed:
            return self.field.widget.value_from_datadict(typed, {}, self.html_name)
        return super().initial

    @property
    def first_id(self) -> str:
        """Returns the id of the control for an error's link. In a group this is the first option."""
        return f"{self.auto_id}_0" if self.kind in {"radio", "checkboxes"} else self.auto_id

    def build_widget_attrs(self, attrs: dict[str, str | bool], widget: Widget | None = None) -> dict[str, str | bool]:
        """Adds the class of the kind. A widget with its own class, as in the admin, keeps it."""
        attrs = super().build_widget_attrs(attrs, widget)
        widget = widget or self.field.widget
        if not widget.is_hidden and "class" not in widget.attrs:
            attrs["class"] = CLASSES[self.kind] + (" govgr-error-input" if self.errors else "")
        return attrs


def _typed() -> QueryDict:
    """Returns what was typed on the page in the other language (middleware.SwitchMiddleware)."""
    request = context.request
    return request.POST if request and request.method == "GET" and SWITCH in request.POST else QueryDict()


class Renderer(TemplatesSetting):
    bound_field_class = Field
    form_template_name = "forms/form.html"
    field_template_name = "forms/field.html"
