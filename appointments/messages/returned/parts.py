"""Taking a mail apart that anybody may have written: with wrong headers, codings, and parts cut off in the middle."""

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses


def parsed(raw: bytes) -> Message:
    return message_from_bytes(raw)


def own_parts(mail: Message) -> Iterator[Message]:
    """Yield the parts of the mail itself, but not those of mails in it."""
    if mail.is_multipart() and mail.get_content_maintype() == "multipart":
        for part in mail.get_payload():
            if isinstance(part, Message):
                yield from own_parts(part)
    else:
        yield mail


def text_of(part: Message) -> str:
    """Return the part as text, whatever its coding. Only ASCII can be relied on."""
    if part.is_multipart():
        return part.as_bytes().decode("latin-1")
    content = part.get_payload(decode=True)
    return content.decode("latin-1") if isinstance(content, bytes) else ""


def header(mail: Message, name: str) -> str:
    return re.sub(r"\s+", " ", str(mail.get(name, ""))).strip()


def addresses(mail: Message, name: str) -> set[str]:
    """Return the addresses in these headers, in small letters."""
    found = getaddresses([str(one) for one in mail.get_all(name, [])])
    return {address.lower() for _name, address in found if "@" in address}
