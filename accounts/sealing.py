"""Secrets that are stored: sealed with DATA_KEY, so that nobody reads them in the database or in its backups."""

import base64
import hmac
from functools import cache
from hashlib import sha256

from cryptography.fernet import Fernet
from django.conf import settings


@cache
def key_for(purpose: str) -> bytes:
    """Return the key for one purpose. What is sealed or hashed for another purpose cannot be read with it."""
    return hmac.new(settings.DATA_KEY.encode(), purpose.encode(), sha256).digest()


def sealed(text: str, purpose: str) -> bytes:
    return _fernet(purpose).encrypt(text.encode())


def opened(token: bytes | memoryview, purpose: str) -> str:
    return _fernet(purpose).decrypt(bytes(token)).decode()


@cache
def _fernet(purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(key_for(purpose)))
