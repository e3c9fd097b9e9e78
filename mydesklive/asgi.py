"""The application that the web server runs: the product behind the front that reads requests and answers probes."""

from django.conf import settings
from django.db import connections

from mydesklive.serving.front import Front
from mydesklive.wsgi import application as product

application = Front(
    product,
    live="/health/live",
    ready="/health/ready",
    threads=settings.WEB_THREADS,
    on_end=connections.close_all,
)
