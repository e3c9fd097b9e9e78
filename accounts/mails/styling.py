"""What a page that shows a mail may style: exactly what stands in the mail. Mails carry their styles, pages forbid that."""

import base64
from hashlib import sha256
from html.parser import HTMLParser


class _Styles(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] | None = None  # a <style> element that is being read

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name == "style"]
        if tag == "style":
            self._inside = []

    def handle_data(self, data: str) -> None:
        if self._inside is not None:
            self._inside.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "style" and self._inside is not None:
            self.found.append("".join(self._inside))
            self._inside = None


def style_sources(*mails: str) -> list[str]:
    """Return the sources for `style-src` that allow the styles of these mails (HTML), by their hashes, and no others."""
    reader = _Styles()
    for mail in mails:
        reader.feed(mail)
    hashes = {base64.b64encode(sha256(style.encode()).digest()).decode() for style in reader.found}
    # Without this word, hashes count for <style> alone. It allows nothing that has no hash.
    return ["'unsafe-hashes'", *sorted(f"'sha256-{one}'" for one in hashes)]
