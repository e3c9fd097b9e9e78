"""Reading a text that an agency has written, and writing it as plain text and as HTML.

A text has paragraphs with empty lines between them, lists whose lines begin with "- ", words in **bold**, and placeholders
in braces. It is read into parts first, and only then the values are put in. So a value is never read as markup or as
another placeholder, and a name in braces is looked up among names and nowhere else.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_PLACEHOLDER = re.compile(r"\{([^{}\n]*)\}")
_TOKEN = re.compile(r"(\*\*|\{[^{}\n]*\})")
_ITEM, _BOLD = "- ", "**"
# As in the mails of ours, with the styles in the markup.
_P = '<p style="margin:0 0 16px;">{}</p>'
_STRONG, _BR = "<strong>{}</strong>", SafeString("<br>")
_UL, _LI = '<ul style="margin:0 0 16px;padding:0 0 0 20px;">{}</ul>', '<li style="margin:0 0 4px;">{}</li>'


@dataclass(frozen=True)
class Value:
    """What a placeholder says. `alone` is its HTML where it is all there is on a line: a button, or a box.

    `alone_text` is what it says there in a plain text, if that is more.
    """

    text: str
    html: SafeString
    alone: SafeString | None = None
    alone_text: str = ""


Values = Mapping[str, Value]


@dataclass(frozen=True)
class Span:
    """A piece of a line: either literal text or the name of a placeholder."""

    text: str = ""
    name: str = ""
    is_bold: bool = False


@dataclass(frozen=True)
class Line:
    spans: tuple[Span, ...]
    is_item: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(span.name for span in self.spans if span.name)

    @property
    def alone(self) -> str:
        """The placeholder that is all there is on the line, or "" if there is more, or none."""
        return self.spans[0].name if len(self.spans) == 1 and not self.is_item else ""

    def is_unsaid(self, values: Values) -> bool:
        """Whether all placeholders on the line have nothing to say, so that the line is left out."""
        return bool(self.names) and not any(values[name].text for name in self.names)


def names_in(text: str) -> list[str]:
    """Return what stands in braces, as it is written."""
    return _PLACEHOLDER.findall(text)


def without_placeholders(text: str) -> str:
    """Return the text with a letter for each placeholder."""
    return _PLACEHOLDER.sub("x", text)


def has_stray_brace(text: str) -> bool:
    return bool(re.search(r"[{}]", without_placeholders(text)))


def parsed(text: str) -> list[list[Line]]:
    """Return the paragraphs of the text, each with its lines."""
    paragraphs = re.split(r"\n[^\S\n]*(?:\n[^\S\n]*)+", text.replace("\r\n", "\n").strip())
    return [[_line(line.strip()) for line in paragraph.split("\n") if line.strip()] for paragraph in paragraphs]


def _line(text: str) -> Line:
    is_item = text.startswith(_ITEM)
    return Line(tuple(_spans(text.removeprefix(_ITEM).strip())), is_item)


def _spans(text: str) -> Iterator[Span]:
    """Yield the pieces of a line. A mark of bold text that is opened and never closed is literal."""
    marks_left, is_bold = text.count(_BOLD), False
    for piece in filter(None, _TOKEN.split(text)):
        if piece == _BOLD and (is_bold or marks_left > 1):
            is_bold, marks_left = not is_bold, marks_left - 1
        elif name := _PLACEHOLDER.fullmatch(piece):
            yield Span(name=name[1], is_bold=is_bold)
        else:
            yield Span(text=piece, is_bold=is_bold)


def as_text(text: str, values: Values) -> str:
    """Return the text for a plain part, with the values put in."""
    paragraphs = ("\n".join(_text_lines(lines, values)) for lines in parsed(text))
    return "\n\n".join(filter(None, paragraphs)).strip()


def _text_lines(lines: list[Line], values: Values) -> Iterator[str]:
    for line in lines:
        if not line.is_unsaid(values):
            said = "".join(values[span.name].text if span.name else span.text for span in _said(line, values))
            longer = values[line.alone].alone_text if line.alone else ""
            yield (_ITEM if line.is_item else "") + (longer or said.strip())


def as_html(text: str, values: Values) -> SafeString:
    """Return the text as HTML for a mail, with the values put in. Everything is escaped except the markup above."""
    return format_html_join("\n", "{}", ((part,) for lines in parsed(text) for part in _parts(lines, values)))


def _parts(lines: list[Line], values: Values) -> Iterator[SafeString]:
    """Yield the paragraphs, lists and blocks of one paragraph of the text."""
    said = [line for line in lines if not line.is_unsaid(values)]

    def form(line: Line) -> str:
        is_block = bool(line.alone) and values[line.alone].alone is not None
        return "block" if is_block else "items" if line.is_item else "lines"

    for kind, group in groupby(said, form):
        if kind == "block":
            yield from (values[line.alone].alone or SafeString() for line in group)
        elif kind == "items":
            yield format_html(_UL, format_html_join("", _LI, ((_html(line, values),) for line in group)))
        else:
            yield format_html(_P, format_html_join(_BR, "{}", ((_html(line, values),) for line in group)))


def _html(line: Line, values: Values) -> SafeString:
    said = ((span.is_bold, values[span.name].html if span.name else span.text) for span in _said(line, values))
    return format_html_join("", "{}", ((format_html(_STRONG if is_bold else "{}", piece),) for is_bold, piece in said))


def _said(line: Line, values: Values) -> Iterator[Span]:
    """Yield the pieces of the line that say something. Where a placeholder says nothing, the space before it goes too."""
    spans = list(line.spans)
    for here, span in enumerate(spans):
        follows = spans[here + 1] if here + 1 < len(spans) else None
        if span.name and not values[span.name].text:
            continue
        if span.text and follows and follows.name and not values[follows.name].text:
            span = Span(span.text.rstrip(" "), is_bold=span.is_bold)  # noqa: PLW2901
        yield span
