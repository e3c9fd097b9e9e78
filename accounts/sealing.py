"""Secrets: keys that nobody can guess, and texts sealed with DATA_KEY, so that nobody reads them in a backup."""

import base64
import hmac
import secrets
from functools import cache
from hashlib import sha256

from cryptography.fernet import Fernet
from django.conf import settings


def random_key() -> str:
    """Return a key of 22 characters that nobody can guess, and that may stand in a URL."""
    return secrets.token_urlsafe(16)


@cache
def key_for(purpose: str) -> bytes:
    """Return the key for one purpose. What is sealed or hashed for another purpose cannot be read with it."""
    return hmac.new(settings.DATA_KEY.encode(), purpose.encode(), sha256).digest()


def fingerprint(text: str, purpose: str) -> str:
    """Return a keyed hash in 64 hex digits, by which a text can be looked up and not be read."""
    return hmac.new(key_for(purpose), text.encode(), sha256).hexdigest()


def sealed(text: str, purpose: str) -> bytes:
    return _fernet(purpose).encrypt(text.encode())


def opened(token: bytes | memoryview, purpose: str) -> str:
    return _fernet(purpose).decrypt(bytes(token)).decode()


@cache
def _fernet(purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(key_for(purpose)))
