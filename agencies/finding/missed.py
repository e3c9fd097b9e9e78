"""Writes down what visitors looked for in vain, unless it may tell of a person.

What is typed into a search is the text of a stranger: it can be a name, an address or a number. So most of it is never
stored, and the rest is shown only once people of several networks have looked for it (`reports.demand`).
"""

import re
import unicodedata
from datetime import datetime

from django.http import HttpRequest
from django.utils.timezone import get_default_timezone

from accounts.visits import aside
from accounts.visits.visitors import visitor_of
from agencies.models import Agency
from agencies.text import folded

LONGEST = 60  # letters; who looks for something types less
MOST_DIGITS = 4  # five digits can be a number of somebody
OF_NETWORK = 30  # texts of a network on a day
# An e-mail address or one of the web, also as people write it to hide it.
_ADDRESS = re.compile(
    r"@|\(at\)|\[at\]|://|www\.|\w\.(com|gr|eu|net|org|info|gov|edu|cy|de|uk|fr)\b|gmail|hotmail|yahoo|outlook|e-?mail",
    re.IGNORECASE,
)
ADD = """
INSERT INTO agencies_search (agency_id, language, day, at, text, network, crowd)
SELECT agency_id, language, day, at, text, network, crowd FROM jsonb_populate_record(NULL::agencies_search, $1)
WHERE ($1->>'most')::int > (
    SELECT count(*) FROM agencies_search WHERE day = ($1->>'day')::date AND network = $1->>'network'
)
ON CONFLICT DO NOTHING
"""


def missed(request: HttpRequest, query: str, agency: Agency | None = None, *, now: datetime) -> None:
    """A visitor has looked for this on the portal, or among the branches of the agency, and nothing was found."""
    if visitor := visitor_of(request):
        aside.write(
            ADD,
            agency_id=agency and agency.pk,
            language=visitor.language,
            day=now.astimezone(get_default_timezone()).date(),
            at=now,
            text=storable(query),
            network=visitor.network_mark(now),
            crowd=visitor.network_bit,
            most=OF_NETWORK,
        )


def storable(query: str) -> str:
    """Returns the text without accents and case, or "" if it may tell of a person: addresses, numbers, long texts."""
    plain = unicodedata.normalize("NFKC", query)
    digits = sum(letter.isdecimal() for letter in plain)
    text = folded(plain)
    if digits > MOST_DIGITS or len(text) > LONGEST or _ADDRESS.search(plain):
        return ""
    return text
