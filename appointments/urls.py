from django.urls import URLPattern, URLResolver, path

from appointments.views.procedure import procedure

app_name = "appointments"
urlpatterns: list[URLPattern | URLResolver] = [
    # Last: any other address of two parts is taken before.
    path("<slug:platform_slug>/<slug:code>/", procedure, name="procedure"),
]
