"""The addresses of the REST API, version 1: each app brings its own, schema and pages describe them all."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from agencies.api import AgencyViewSet, BranchViewSet, ProcedureViewSet
from appointments.api import AppointmentViewSet, SlotsView

router = SimpleRouter(use_regex_path=False)
router.register("agencies", AgencyViewSet)
router.register("branches", BranchViewSet)
router.register("procedures", ProcedureViewSet)
router.register("appointments", AppointmentViewSet)

urlpatterns = [
    *router.urls,
    path("slots/", SlotsView.as_view(), name="slot-list"),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
]
