from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from django import template
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reports.showing.tables import Cell, Column, Named, Unit

register = template.Library()


@register.filter
def figure(number: float) -> str:
    """Returns a whole number with the language's thousands separator: 231.805 in Greek, 231,805 in English."""
    return number_format(round(number), force_grouping=True)


@register.filter
def percent_of(part: float, whole: float) -> str:
    """Returns the percentage for a drawing, with a decimal point in every language."""
    return f"{100 * part / whole:.2f}" if whole else "0"


@register.filter
def cell(value: Cell, column: Column) -> SafeString | str:
    """Returns a cell as HTML, with the value that programs read: <data value="12.5">12,5 %</data>."""
    if isinstance(value, date):
        raw, text = (
            (value.strftime("%Y-%m"), date_format(value, "F Y"))
            if column.unit is Unit.MONTH
            else (value.isoformat(), date_format(value, "SHORT_DATE_FORMAT"))
        )
        return format_html('<time datetime="{}">{}</time>', raw, text)
    if isinstance(value, int | float):
        return format_html('<data value="{}">{}</data>', _raw(value), written(value, column))
    return _named(value) if isinstance(value, Named) else str(value)


def _named(one: Named) -> SafeString:
    """Returns a name, in the time of its month if it is a period, with a link to what it narrows the page to."""
    short = format_html(' data-short="{}"', one.short) if one.short else ""
    text = format_html('<data value="{}"{}>{}</data>', one.code, short, one.name)
    if one.month:
        text = format_html('<time datetime="{}">{}</time>', one.month.strftime("%Y-%m"), text)
    return format_html('<a href="?{}">{}</a>', one.narrows, text) if one.narrows else text


def _raw(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4f}".rstrip("0").rstrip(".")


def _rounded(value: float, places: int) -> str:
    """Returns the nearest number with so many decimals, a half away from zero, as the drawings do. Django's format cuts off."""
    return number_format(Decimal(_raw(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP), places)


@register.filter
def written(value: float, column: Column) -> str:
    """Returns a number with its unit, in the language of the page."""
    if column.unit is Unit.PERCENT:
        return f"{_rounded(value, 1)} %"
    if column.unit is Unit.MINUTES:
        number = _rounded(value, 0)
        return ngettext("%(number)s minute", "%(number)s minutes", round(value)) % {"number": number}
    if column.unit is Unit.DEGREES:
        return f"{_rounded(value, 2)}°"
    if column.unit in (Unit.CHANGE, Unit.POINTS):
        return change(value, column)
    if column.unit is Unit.DAYS:
        return _rounded(value, 0 if value == round(value) else 1)
    return figure(value)


@register.filter
def change(value: float, column: Column) -> str:
    """Returns a change with its sign: per cent of a count, points of a share."""
    sign = "+" if value > 0 else "−" if value < 0 else "±"
    number = _rounded(abs(value), 1)
    points = ngettext("%(number)s point", "%(number)s points", 1 if abs(value) == 1 else 2)
    text = points if column.unit in (Unit.PERCENT, Unit.POINTS) else "%(number)s %%"
    return sign + text % {"number": number}


@register.filter
def unit(column_unit: Unit) -> str:
    """Returns the unit in words."""
    words = {Unit.PERCENT: _("per cent"), Unit.MINUTES: _("minutes"), Unit.DAYS: _("days"), Unit.HOURS: _("hours")}
    return words.get(column_unit, _("number"))
