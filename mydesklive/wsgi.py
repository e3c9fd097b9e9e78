"""The product as a WSGI application. `asgi.py` puts the front of our server before it."""

import gc
import os
from importlib import import_module
from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

from mydesklive.checks import refuse_if_wrong

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mydesklive.settings")


class Request(WSGIRequest):
    """A request whose Content-Type may be malformed. Django's own fails before any middleware could answer."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]
        except (LookupError, ValueError):
            self.content_type, self.content_params = "", {}


class Application(WSGIHandler):
    request_class = Request


django.setup(set_prefix=False)
refuse_if_wrong()
application = Application()

# The code of all pages is loaded before the first request and stays, so the garbage collector can ignore it.
import_module(settings.ROOT_URLCONF)
gc.freeze()
