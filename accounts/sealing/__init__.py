"""Secrets: keys that nobody can guess, and texts sealed with DATA_KEY, so that nobody reads them in a backup.

DATA_KEY seals and makes keyed hashes. What the keys in DATA_KEY_FALLBACKS have sealed and hashed can still be opened and
looked up, so the key is changed while everything runs; `accounts.sealing.rotation` seals the old values anew.
"""

import base64
import hmac
import secrets
from functools import cache
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

# Characters at the beginning of a sealed text that are the same for all that one key has sealed.
LABEL = 12


def random_key() -> str:
    """Return a key of 22 characters that nobody can guess, and that may stand in a URL."""
    return secrets.token_urlsafe(16)


def key_for(purpose: str) -> bytes:
    """Return the key for one purpose. What is sealed or hashed for another purpose cannot be read with it."""
    return _derived(settings.DATA_KEY, purpose)


def keys_for(purpose: str) -> list[bytes]:
    """Return the keys for one purpose, that of today first, for what older keys have hashed as well."""
    return [_derived(key, purpose) for key in _keys()]


def fingerprint(text: str, purpose: str) -> str:
    """Return a keyed hash in 64 hex digits, by which a text can be looked up and not be read."""
    return _hash(key_for(purpose), text)


def fingerprints(text: str, purpose: str) -> list[str]:
    """Return the keyed hashes by which the text may have been stored, that of today first."""
    return [_hash(key, text) for key in keys_for(purpose)]


def sealed(text: str, purpose: str) -> bytes:
    """Seal the text with today's key, and label it with the key.

    The label stands where Fernet has the time, about which nobody asks. So earlier releases can open it, too.
    """
    key = settings.DATA_KEY
    return _fernet(key, purpose).encrypt_at_time(text.encode(), int.from_bytes(_number(key)))


def opened(token: bytes | memoryview, purpose: str) -> str:
    """Open what was sealed. Raises InvalidToken if none of the keys has sealed it for this purpose."""
    token = bytes(token)
    labelled = [key for key in _keys() if label(key) == token[:LABEL]]
    for key in labelled or _keys():  # what has no label is from before there were any
        try:
            return _fernet(key, purpose).decrypt(token).decode()
        except InvalidToken:
            continue
    raise InvalidToken


@cache
def label(key: str) -> bytes:
    """Return how all that this key seals begins."""
    return base64.urlsafe_b64encode(b"\x80" + _number(key))


@cache
def _number(key: str) -> bytes:
    """Return a number by which keys are told apart. It tells nothing of the key."""
    return hmac.new(key.encode(), b"number of the key", sha256).digest()[:8]


def _keys() -> list[str]:
    return [settings.DATA_KEY, *settings.DATA_KEY_FALLBACKS]


def _hash(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), sha256).hexdigest()


@cache
def _derived(key: str, purpose: str) -> bytes:
    return hmac.new(key.encode(), purpose.encode(), sha256).digest()


@cache
def _fernet(key: str, purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_derived(key, purpose)))
