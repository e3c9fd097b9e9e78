"""How many parts an SMS takes (3GPP TS 23.038 and 23.040). Each part is paid for, and long ones are read by nobody."""

MOST_PARTS = 2
# One part, and each of several, in the alphabet of seven bits, and for all other letters in UCS-2.
_SEVEN_BITS, _UCS2 = (160, 153), (70, 67)
_BASIC = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWICE = set("^{}\\[~]|€")  # these take two places


def parts(text: str) -> int:
    """Return in how many parts the text is sent."""
    if set(text) <= _BASIC | _TWICE:
        length, (one, each) = len(text) + sum(letter in _TWICE for letter in text), _SEVEN_BITS
    else:
        length, (one, each) = len(text.encode("utf-16-be")) // 2, _UCS2
    return 1 if length <= one else -(-length // each)
