from django.urls import path
from django.utils.translation import gettext_lazy as _

from reports import views
from reports.gateway import views as gateway
from reports.mailing import views as mailing
from reports.opening import views as opening
from reports.showing.pages import routes
from reports.subjects.compare import OWN, compare
from reports.subjects.demand import demand
from reports.subjects.overview import overview
from reports.subjects.page_views import page_views
from reports.subjects.service import service

app_name = "reports"
urlpatterns = [
    *routes("index", _("Overview"), overview, otherwise=views.published_table),
    *routes("service", _("On the day"), service),
    *routes("demand", _("Unmet demand"), demand),
    *routes("compare", _("Compare"), compare, own=OWN),
    *routes("page-views", _("Page views"), page_views),
    path("sendings/", mailing.sendings, name="sendings"),
    path("sendings/new/", mailing.new, name="sending-new"),
    path("sendings/stop/<slug:key>/", mailing.stop, name="sending-stop"),
    path("sendings/<slug:reference>/", mailing.change, name="sending-change"),
    path("sendings/<slug:reference>/edit/", mailing.edit, name="sending-edit"),
    path("agencies/", views.agencies, name="agencies"),
    path("agencies.csv", views.agencies_csv, name="agencies-csv"),
    path("agencies.xlsx", views.agencies_xlsx, name="agencies-xlsx"),
    path("agencies.json", views.agencies_json, name="agencies-json"),
    path("catalog.jsonld", opening.catalog, name="catalog"),
    path("gateway/statistics.csv", gateway.statistics_csv, name="gateway-statistics-csv"),
    path("gateway/statistics.json", gateway.statistics_json, name="gateway-statistics-json"),
    path("gateway/feedback.csv", gateway.feedback_csv, name="gateway-feedback-csv"),
    path("gateway/feedback.json", gateway.feedback_json, name="gateway-feedback-json"),
    path("open-data/", opening.page, name="open-data"),
    path("open-data/dictionary.csv", opening.dictionary_csv, name="dictionary-csv"),
    path("open-data/dictionary.json", opening.dictionary_json, name="dictionary-json"),
    path("open-data/<slug:dataset>.csv", opening.dataset_csv, name="dataset-csv"),
    path("open-data/<slug:dataset>.json", opening.dataset_json, name="dataset-json"),
    path("open-data/<slug:dataset>/<slug:month>.csv", opening.dataset_csv, name="dataset-month-csv"),
    path("open-data/<slug:dataset>/<slug:month>.json", opening.dataset_json, name="dataset-month-json"),
]
