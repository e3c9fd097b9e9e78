"""The application that the web server runs: the product behind the front that reads requests and answers probes."""

from django.conf import settings

from mydesklive.serving.front import Front
from mydesklive.wsgi import application as product
from reports.gateway import counting

application = Front(product, settings.WEB_THREADS, at_the_end=counting.write)
counting.start()
