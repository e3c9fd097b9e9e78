"""A page that shows a mail allows the styles of that mail and no others."""

import base64
from hashlib import sha256

from accounts.mails.styling import style_sources


def source(style: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(style.encode()).digest()).decode()}'"


def test_each_style_is_allowed_by_its_hash() -> None:
    mail = '<style>a { color: red }</style><p style="margin:0">a</p><b STYLE="color:&quot;x&quot;">b</b><i style>c</i>'
    expected = {source("a { color: red }"), source("margin:0"), source('color:"x"'), source("")}
    assert style_sources(mail, '<p style="margin:0">again</p>') == ["'unsafe-hashes'", *sorted(expected)]


def test_mail_without_styles_allows_none() -> None:
    assert style_sources("<p>a</p>") == ["'unsafe-hashes'"]
