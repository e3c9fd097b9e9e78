from functools import lru_cache

import segno
from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag
def qr(content: str, label: str) -> SafeString:
    """The content as a QR code, an SVG as large as its surroundings; `label` says what it is for who does not see it."""
    drawing = mark_safe(_drawn(content))  # noqa: S308 (segno writes shapes, never the content)
    return format_html('<span class="qr" role="img" aria-label="{}">{}</span>', label, drawing)


@lru_cache(maxsize=256)
def _drawn(content: str) -> str:
    """With a quiet zone and white ground, so that it can be read from a dark page too."""
    code = segno.make(content, error="m", micro=False)
    return code.svg_inline(omitsize=True, light="white", svgclass=None, lineclass=None, border=4)
