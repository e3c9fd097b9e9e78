from django.urls import path

from reports import views

app_name = "reports"
urlpatterns = [
    path("", views.index, name="index"),
    path("agencies/", views.agencies, name="agencies"),
    path("agencies.csv", views.agencies_csv, name="agencies-csv"),
    path("agencies.xlsx", views.agencies_xlsx, name="agencies-xlsx"),
    path("agencies.json", views.agencies_json, name="agencies-json"),
]
