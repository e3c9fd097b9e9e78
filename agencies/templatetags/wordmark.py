import re

from django import template
from django.utils.html import format_html

register = template.Library()

_NAME = re.compile(r"^(my)(.+)(live)$")


@register.filter
def wordmark(platform: str) -> str:
    """Returns the name of a platform with its bold part: my**KEP**live."""
    match = _NAME.match(platform)
    return format_html("{}<b>{}</b>{}", *match.groups()) if match else platform
