"""The application that granian (or any WSGI server) serves."""

import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mydesklive.settings")

application = get_wsgi_application()

# The code of all pages is loaded before the first request and stays, so the garbage collector can ignore it.
import_module(settings.ROOT_URLCONF)
gc.freeze()
