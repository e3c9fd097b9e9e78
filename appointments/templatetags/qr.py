from functools import lru_cache

import segno
from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag
def qr(content: str, label: str) -> SafeString:
    """Draws the content as a QR code (SVG) as large as its container. Screen readers read `label` instead."""
    drawing = mark_safe(_drawn(content))  # noqa: S308 (segno writes shapes, never the content)
    return format_html('<span class="qr" role="img" aria-label="{}">{}</span>', label, drawing)


@lru_cache(maxsize=256)
def _drawn(content: str) -> str:
    """Draws the code with a quiet zone and a white ground, so that it can be read on a dark page too."""
    code = segno.make(content, error="m", micro=False)
    return code.svg_inline(omitsize=True, light="white", svgclass=None, lineclass=None, border=4)
