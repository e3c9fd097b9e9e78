from typing import cast

from django import template
from django.contrib.admin.helpers import Fieldset
from django.forms import BoundField

register = template.Library()


@register.filter
def is_open(section: Fieldset) -> bool:
    """Returns whether a section of an admin form opens by itself.

    It does if a field in it has an error, or has to be filled in for a new row. Django opens it too, but not for fields
    that stand beside each other.
    """
    fields = [cast("BoundField", field.field) for line in section for field in line if not field.is_readonly]
    adding = section.form.instance.pk is None
    return any(field.errors or (adding and field.field.required) for field in fields)
