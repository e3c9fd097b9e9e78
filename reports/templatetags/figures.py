from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def figure(number: float) -> str:
    """Returns a whole number with the language's thousands separator: 231.805 in Greek, 231,805 in English."""
    return number_format(round(number), force_grouping=True)


@register.filter
def percent_of(part: float, whole: float) -> str:
    """Returns the percentage for a drawing, with a decimal point in every language."""
    return f"{100 * part / whole:.2f}" if whole else "0"
