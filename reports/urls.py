from django.urls import path
from django.utils.translation import gettext_lazy as _

from reports import views
from reports.showing.pages import routes
from reports.subjects.overview import overview
from reports.subjects.service import service

app_name = "reports"
urlpatterns = [
    *routes("index", _("Overview"), overview, otherwise=views.published_table),
    *routes("service", _("On the day"), service),
    path("agencies/", views.agencies, name="agencies"),
    path("agencies.csv", views.agencies_csv, name="agencies-csv"),
    path("agencies.xlsx", views.agencies_xlsx, name="agencies-xlsx"),
    path("agencies.json", views.agencies_json, name="agencies-json"),
]
