from django import template

register = template.Library()


@register.filter
def whole_hours(minutes: int) -> int:
    """Returns the minutes in whole hours, or 0 if there is a rest: 120 gives 2, 90 gives 0."""
    return 0 if minutes % 60 else minutes // 60
