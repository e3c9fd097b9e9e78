"""The addresses of the demo, which has a sandbox. Tests run as an installation does, which has none."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

from mydesklive.urls import handler500, urlpatterns

__all__ = ["handler500", "urlpatterns"]

urlpatterns = [
    *i18n_patterns(path("sandbox/", include("mydesklive.sandbox.urls")), prefix_default_language=False),
    *urlpatterns,
]
