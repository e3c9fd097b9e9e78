import secrets


def random_key() -> str:
    """An address that nobody guesses: 22 characters that may stand in a URL."""
    return secrets.token_urlsafe(16)
