from django import template

register = template.Library()


@register.filter
def whole_hours(minutes: int) -> int:
    """The hours that the minutes make up, or 0 where they do not come out even: 120 gives 2, 90 gives 0."""
    return 0 if minutes % 60 else minutes // 60
