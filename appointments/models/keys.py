import secrets


def random_key() -> str:
    """Return a key of 22 characters that nobody can guess, and that may stand in a URL."""
    return secrets.token_urlsafe(16)
