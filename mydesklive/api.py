"""The addresses of the REST API, version 1. Each app adds its own, and the schema and its pages describe all of them."""

from typing import NoReturn

from django.urls import path, re_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from agencies.api.viewsets import AgencyViewSet, BranchViewSet, ProcedureViewSet
from appointments.api.appointments import AppointmentViewSet, SlotsView


@extend_schema(exclude=True)
class UnknownAddress(APIView):
    """Programs get an answer that they can read."""

    authentication_classes = ()

    def initial(self, request: Request, *args: object, **kwargs: object) -> NoReturn:
        raise NotFound


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
    re_path(r"^.*/$", UnknownAddress.as_view()),
]
