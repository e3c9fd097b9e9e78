from django.urls import path
from django.views.generic import RedirectView

from reports import views

app_name = "reports"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="reports:agencies"), name="index"),
    path("agencies/", views.agencies, name="agencies"),
    path("agencies.csv", views.agencies_csv, name="agencies-csv"),
    path("agencies.json", views.agencies_json, name="agencies-json"),
]
