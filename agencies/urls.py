from django.urls import path

from agencies import views

app_name = "agencies"
urlpatterns = [
    path("", views.portal, name="portal"),
    path("suggestions/", views.suggestions, name="suggestions"),
    path("help/", views.page, {"name": "help"}, name="help"),
    path("accessibility/", views.page, {"name": "accessibility"}, name="accessibility"),
    path("accents/<str:colours>.css", views.accent_stylesheet, name="accents"),
    path("<slug:platform_slug>/", views.platform, name="platform"),
]
