"""A WSGI application that tells what its server told it."""

import json
import os
from collections.abc import Callable
from typing import Any


def told(environ: dict[str, Any]) -> bytes:
    """The texts of the environ and the body, without what comes from the shell."""
    texts = {key: value for key, value in environ.items() if isinstance(value, str) and key not in os.environ}
    return json.dumps(texts | {"body": environ["wsgi.input"].read().decode("latin-1")}).encode()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    return [told(environ)]
