"""The lean views that pages are compared with: they render the same templates from ready data, and do nothing else.

The data are those that the product's own views gave their templates, once, when this server started. Django runs without
middleware, so there is no session, no sign-in, no policy, and nothing is read from the database.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mydesklive.settings")
get_wsgi_application()

from unittest.mock import patch  # noqa: E402 - the apps have to be set up first

from django.conf import settings  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.http import Http404, HttpRequest, HttpResponse  # noqa: E402
from django.template.backends.django import Template  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402

from bench.pages import PAGES  # noqa: E402
from mydesklive.serving.front import Front  # noqa: E402
from mydesklive.urls import urlpatterns as of_product  # noqa: E402

Ready = tuple[Template, dict[str, object]]


def _ready(address: str) -> Ready:
    """Returns the template of the page with the data that the product gives it."""
    given: list[Ready] = []
    render = Template.render

    def keep(self: Template, context: dict[str, object], request: HttpRequest | None = None) -> str:
        given.append((self, context))
        return render(self, context, request)

    with patch.object(Template, "render", keep):
        answer = Client().get(address, headers={"host": "localhost"})
    assert answer.status_code == 200, (address, answer.status_code)
    return given[0]


_pages = {name: _ready(address) for name, address in PAGES.items()}


def page(request: HttpRequest, name: str) -> HttpResponse:
    if name not in _pages:
        raise Http404
    template, data = _pages[name]
    return HttpResponse(template.render(data, request))


# Templates contain the product's addresses.
urlpatterns = [path("lean/<name>/", page), *of_product]
settings.ROOT_URLCONF = __name__
settings.MIDDLEWARE = []
served = Front(WSGIHandler())
