"""An agency's colour as a stylesheet. The address contains the colours, so browsers can cache it for ever."""

import re

COLOUR = re.compile(r"[0-9a-f]{6}")
LINEAR_BELOW = 0.04045  # sRGB: darker parts are linear
READABLE = 4.5  # WCAG 2.2, 1.4.3: contrast of text of ordinary size


def stylesheet(colours: list[str]) -> str:
    """Returns a class for each colour (six hex digits). `.accent-0065b3` sets --accent, and --on-accent for text on it."""
    return "".join(f".accent-{colour}{{--accent:#{colour};--on-accent:{text_on(colour)}}}\n" for colour in colours)


def text_on(colour: str) -> str:
    """Returns white, or nearly black if white is not readable on the colour (six hex digits)."""
    return "#fff" if 1.05 / (_luminance(colour) + 0.05) >= READABLE else "#14161b"


def _luminance(colour: str) -> float:
    """Returns the relative luminance of an sRGB colour, from 0 to 1, as WCAG 2.2 defines it."""
    red, green, blue = (_linear(int(colour[start : start + 2], 16) / 255) for start in (0, 2, 4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= LINEAR_BELOW else ((part + 0.055) / 1.055) ** 2.4
