"""`manage.py collectstatic`, as in Django, but only with the files that pages ask for."""

from typing import Any

from django.contrib.staticfiles.management.commands import collectstatic

# Libraries bring two thousand files, which would all be hashed and compressed.
UNUSED = (
    *("rest_framework", "redoc"),
    # Of the font, the normal letters of three weights in Greek and Latin stay, in the format that all browsers read.
    *("roboto-*.woff", "roboto-*-italic.*", "roboto-cyrillic*", "roboto-vietnamese*", "roboto-math*"),
    *(f"roboto-*-{weight}-*" for weight in (100, 200, 300, 600, 800, 900)),
    *("roboto-symbols*", "roboto-*-ext-*"),
    # Of the world, the coasts in their plainest form stay.
    *("countries-*.json", "land-10m.json", "land-50m.json"),
)


class Command(collectstatic.Command):
    def set_options(self, **options: Any) -> None:
        super().set_options(**options | {"ignore_patterns": [*options["ignore_patterns"], *UNUSED]})
