"""Static files, also while two releases run side by side behind one address."""

import re

from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

# css/site.0123456789ab.css, as Django names a file by what is in it.
HASHED = re.compile(r"(?P<stem>.+)\.[0-9a-f]{12}(?P<ending>\.[^./]+)", re.ASCII)
# Whoever comes again asks anew: by then the file with this very name may be there.
NOT_KEPT = "max-age=0, public, must-revalidate"


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """Answers for files of another release with those of this one.

    In an upgrade a page of the old release asks the new one for its files, and the other way round, and neither knows the
    other's names. The present file of the same plain name is nearly always right, and no file leaves the page bare.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path not in self.files and (present := self._present(path)):
            answer = self.serve(self.files[present], request)
            answer["Cache-Control"] = NOT_KEPT
            return answer
        return super().__call__(request)

    def _present(self, path: str) -> str | None:
        """Returns the address of this release's file if the path is that of another release's."""
        name = HASHED.fullmatch(path.removeprefix(self.static_prefix)) if path.startswith(self.static_prefix) else None
        if name is None or name["ending"] == ".map":
            return None
        known = getattr(staticfiles_storage, "hashed_files", {}).get(name["stem"] + name["ending"])
        address = f"{self.static_prefix}{known}"
        return address if known and address in self.files else None
