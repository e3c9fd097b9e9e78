"""What an agency's text becomes, as plain text and as HTML, whatever it and the values contain."""

import pytest
from django.utils.html import format_html
from django.utils.safestring import mark_safe

from appointments.messages import segments
from appointments.messages.texts.parsing import Value, as_html, as_text, has_stray_brace, names_in


def value(text: str) -> Value:
    return Value(text, format_html("{}", text))


VALUES = {
    "when": value("10:20"),
    "name": value(""),
    "place": value("**Χανιά** {when} <b>"),
    "documents": Value("- ΑΦΜ", mark_safe("<ul>ΑΦΜ</ul>"), alone=mark_safe("<ul>ΑΦΜ</ul>")),
    "link": Value("https://a/", mark_safe("<a>"), alone=mark_safe("<b>"), alone_text="Δείτε:\nhttps://a/"),
    "offer": Value("", mark_safe(""), alone=mark_safe("")),
}
P = '<p style="margin:0 0 16px;">'


@pytest.mark.parametrize(
    ("written", "text", "html"),
    [
        ("Στις {when}.", "Στις 10:20.", f"{P}Στις 10:20.</p>"),
        ("α\nβ\n\n \n\nγ", "α\nβ\n\nγ", f"{P}α<br>β</p>\n{P}γ</p>"),
        ("α\r\n\r\nβ", "α\n\nβ", f"{P}α</p>\n{P}β</p>"),
        ("**{when}** και **β**", "10:20 και β", f"{P}<strong>10:20</strong> και <strong>β</strong></p>"),
        ("2 ** 3", "2 ** 3", f"{P}2 ** 3</p>"),
        ("**α** **β", "α **β", f"{P}<strong>α</strong> **β</p>"),
        ("Γεια σας {name},", "", ""),
        ("Γεια σας {name}, στις {when}.", "Γεια σας, στις 10:20.", f"{P}Γεια σας, στις 10:20.</p>"),
        ("{documents}", "- ΑΦΜ", "<ul>ΑΦΜ</ul>"),
        ("α\n{documents}\nβ", "α\n- ΑΦΜ\nβ", f"{P}α</p>\n<ul>ΑΦΜ</ul>\n{P}β</p>"),
        ("{link}", "Δείτε:\nhttps://a/", "<b>"),
        ("Εδώ: {link}", "Εδώ: https://a/", f"{P}Εδώ: <a></p>"),
        ("α\n\n{offer}\n\nβ", "α\n\nβ", f"{P}α</p>\n{P}β</p>"),
        # Values are never read as markup or as placeholders.
        ("{place}", "**Χανιά** {when} <b>", f"{P}**Χανιά** {{when}} &lt;b&gt;</p>"),
        ("<script>x</script>", "<script>x</script>", f"{P}&lt;script&gt;x&lt;/script&gt;</p>"),
        ("&amp; \"'", "&amp; \"'", f"{P}&amp;amp; &quot;&#x27;</p>"),
        ("", "", ""),
    ],
)
def test_text_is_written_in_both_parts(written: str, text: str, html: str) -> None:
    assert as_text(written, VALUES) == text
    assert as_html(written, VALUES) == html


def test_list_is_a_list_and_lines_without_anything_to_say_are_left_out() -> None:
    written = "Φέρτε:\n- α & **β**\n- {name}\n- {when}\nτέλος"
    assert as_text(written, VALUES) == "Φέρτε:\n- α & β\n- 10:20\nτέλος"
    html = as_html(written, VALUES)
    assert html.count("<li") == 2
    assert "α &amp; <strong>β</strong></li>" in html
    assert html.index("</ul>") < html.index("τέλος")


@pytest.mark.parametrize(
    "written",
    ["{when.__class__}", "{0}", "{}", "{when!r}", "{when:>9999999999}", "{ when }", "{WHEN}", "{{when}}", "{%x%}"],
)
def test_only_names_stand_in_braces(written: str) -> None:
    """No attribute, index, format or tag is a name, so the check before saving refuses them all."""
    assert set(names_in(written)) - {*VALUES} or has_stray_brace(written)


@pytest.mark.parametrize("written", ["{", "}", "{{when}}", "{when", "when}", "{wh\nen}"])
def test_brace_that_stands_alone_is_found(written: str) -> None:
    assert has_stray_brace(written)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ά" * 70, 1),
        ("ά" * 71, 2),
        ("ά" * 134, 2),
        ("ά" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("", 1),
    ],
)
def test_parts_of_an_sms(text: str, number: int) -> None:
    assert segments.count(text) == number
