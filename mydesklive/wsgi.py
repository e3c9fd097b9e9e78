"""The application that granian (or any WSGI server) serves."""

import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mydesklive.settings")

application = get_wsgi_application()

# All pages' code is loaded before the first request, and stays: the garbage collector need not look at it ever again.
import_module(settings.ROOT_URLCONF)
gc.freeze()
