"""Lists of choices in which one is found by typing. Without JavaScript they are plain lists with every choice."""

from typing import Any

from django.contrib.admin.widgets import AutocompleteSelect, get_select2_language
from django.forms import Media, Select
from unfold.widgets import UnfoldAdminSelect2Widget


class FoundHere(UnfoldAdminSelect2Widget):
    """Searches among the choices that are on the page. A list that is seen at a glance has no field to type in."""

    GLANCE = 8

    def __init__(self, attrs: dict[str, Any] | None = None, choices: Any = ()) -> None:
        super().__init__(
            {"data-minimum-results-for-search": self.GLANCE, "data-width": "100%"} | (attrs or {}), choices
        )

    @property
    def media(self) -> Media:
        """Adds the Greek of the control, which the theme leaves out. Its place is before `jquery.init.js`."""
        select2 = "admin/js/vendor/select2"
        language = f"{select2}/i18n/{get_select2_language()}.js"
        scripts = ["admin/js/vendor/jquery/jquery.min.js", f"{select2}/select2.full.js", language]
        scripts += ["admin/js/jquery.init.js", "unfold/js/select2.init.js"]
        return Media(js=scripts, css={"screen": ["admin/css/vendor/select2/select2.css", "admin/css/autocomplete.css"]})


class FoundByServer(AutocompleteSelect):
    """Asks the server while somebody types, which knows more words than the names on the page."""

    def optgroups(self, name: str, value: Any, attrs: dict[str, Any] | None = None) -> Any:
        # Django writes only the choice that is made already, so without JavaScript nothing could be chosen.
        return Select.optgroups(self, name, value, attrs)
