from django.contrib.staticfiles.apps import StaticFilesConfig


class PagesStaticFilesConfig(StaticFilesConfig):
    """Collects the static files that pages ask for, and leaves out the rest of what libraries bring.

    Otherwise two thousand files would be hashed and compressed for nothing.
    """

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        *("rest_framework", "redoc"),
        # Of the font, only normal letters of three weights in Greek and Latin, in the format that all browsers read.
        *("roboto-*.woff", "roboto-*-italic.*", "roboto-cyrillic*", "roboto-vietnamese*", "roboto-math*"),
        *(f"roboto-*-{weight}-*" for weight in (100, 200, 300, 600, 800, 900)),
        *("roboto-symbols*", "roboto-*-ext-*"),
    ]
