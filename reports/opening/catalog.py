"""The datasets as other catalogues read them, such as data.gov.gr and data.europa.eu: DCAT-AP 3 in JSON-LD.

https://semiceu.github.io/DCAT-AP/releases/3.0.0/ says what has to be told. The words in addresses are those of the Publications
Office of the European Union, which DCAT-AP asks for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from reports.models import Release
from reports.opening.datasets import DATASETS, VERSION, Dataset
from reports.opening.files import address, in_languages

AUTHORITY = "http://publications.europa.eu/resource/authority/"
MEDIA = "http://www.iana.org/assignments/media-types/"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES = {"CSV": "text/csv", "JSON": "application/json", "XLSX": XLSX}

Node = dict[str, Any]
CONTEXT: Node = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
TABLE = _("The published table: appointments by agency until any day")
ABOUT_TABLE = _(
    "How many appointments citizens asked for, were served, missed and cancelled with each agency from its first day to "
    "the day that you ask for, and how many services and branches it had."
)
KEYWORDS = (_("appointments"), _("public services"), _("citizens’ service"), _("waiting"))


@dataclass(frozen=True)
class Listed:
    """A dataset as a catalogue has it. `files` are its addresses by their kind."""

    name: str
    title: Promise | str
    about: Promise | str
    page: str
    files: dict[str, str]
    frequency: str
    since: date | None = None
    until: date | None = None
    changed: datetime | None = None


def catalog(months: Sequence[Release], *, live_since: date | None) -> Node:
    """Returns the catalogue. `live_since` is the first day of the published table."""
    page = address("reports:open-data")
    listed = [_table(live_since), *(_of(dataset, months) for dataset in DATASETS.values())]
    return _filled(
        {
            "@context": CONTEXT,
            "@id": address("reports:catalog"),
            "@type": "dcat:Catalog",
            "dct:title": _said(_("Open data of appointments with public services")),
            "dct:description": _said(
                _("Figures of the appointments with public services, for anybody and for any purpose.")
            ),
            "foaf:homepage": _linked(page),
            "dct:modified": _moment(max((one.released_at for one in months), default=None)),
            "dcat:themeTaxonomy": _linked(f"{AUTHORITY}data-theme"),
            **_common(),
            "dcat:dataset": [_dataset(one) for one in listed],
        }
    )


def _table(live_since: date | None) -> Listed:
    files = {kind: address(f"reports:agencies-{kind.lower()}") for kind in ("CSV", "JSON", "XLSX")}
    return Listed("table", TABLE, ABOUT_TABLE, address("reports:agencies"), files, "UPDATE_CONT", since=live_since)


def _of(dataset: Dataset, months: Sequence[Release]) -> Listed:
    return Listed(
        dataset.name,
        dataset.title,
        dataset.about,
        address("reports:open-data"),
        {kind: address(f"reports:dataset-{kind.lower()}", dataset.name) for kind in ("CSV", "JSON")},
        "MONTHLY",
        since=months[0].month if months else None,
        until=_end(months[-1].month) if months else None,
        changed=max((one.released_at for one in months), default=None),
    )


def _end(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _dataset(one: Listed) -> Node:
    return _filled(
        {
            "@id": f"{address('reports:open-data')}#{one.name}",
            "@type": "dcat:Dataset",
            "dct:identifier": f"{address('reports:open-data')}#{one.name}",
            "dct:title": _said(one.title),
            "dct:description": _said(one.about),
            "dcat:keyword": [said for word in KEYWORDS for said in _said(word)],
            "dcat:theme": _linked(f"{AUTHORITY}data-theme/GOVE"),
            "dcat:landingPage": {"@id": one.page, "@type": "foaf:Document"},
            "dcat:version": VERSION,
            "dct:accessRights": _linked(f"{AUTHORITY}access-right/PUBLIC"),
            "dct:accrualPeriodicity": _linked(f"{AUTHORITY}frequency/{one.frequency}"),
            "dct:temporal": _period(one.since, one.until),
            "dct:modified": _moment(one.changed),
            "dcat:contactPoint": _contact(),
            **_common(),
            "dcat:distribution": [_distribution(one, kind, url) for kind, url in one.files.items()],
        }
    )


def _distribution(one: Listed, kind: str, url: str) -> Node:
    return _filled(
        {
            "@id": url,
            "@type": "dcat:Distribution",
            "dct:title": [{**said, "@value": f"{said['@value']} ({kind})"} for said in _said(one.title)],
            "dcat:accessURL": _linked(url),
            "dcat:downloadURL": _linked(url),
            "dcat:mediaType": _linked(f"{MEDIA}{MEDIA_TYPES[kind]}"),
            "dct:format": _linked(f"{AUTHORITY}file-type/{kind}"),
            "dct:license": _linked(f"{AUTHORITY}licence/CC_BY_4_0"),
            "dct:language": _languages(),
            "dct:modified": _moment(one.changed),
            "dcatap:availability": _linked(f"{AUTHORITY}planned-availability/STABLE"),
        }
    )


def _common() -> Node:
    """Returns what holds for the catalogue and for each dataset."""
    return {
        "dct:license": _linked(f"{AUTHORITY}licence/CC_BY_4_0"),
        "dct:language": _languages(),
        "dct:spatial": _linked(f"{AUTHORITY}country/GRC"),
        "dct:publisher": {
            "@id": f"{address('reports:open-data')}#publisher",
            "@type": "foaf:Agent",
            "foaf:name": [
                {"@value": settings.PUBLISHER_NAME_EL, "@language": "el"},
                {"@value": settings.PUBLISHER_NAME_EN, "@language": "en"},
            ],
            "foaf:homepage": _linked(settings.SITE_URL),
        },
    }


def _contact() -> Node:
    mail = settings.PUBLISHER_EMAIL
    reached = (
        {"vcard:hasEmail": _linked(f"mailto:{mail}")} if mail else {"vcard:hasURL": _linked(address("agencies:help"))}
    )
    return {"@type": "vcard:Organization", "vcard:fn": settings.PUBLISHER_NAME_EN, **reached}


def _period(since: date | None, until: date | None) -> Node | None:
    if since is None:
        return None
    return _filled({"@type": "dct:PeriodOfTime", "dcat:startDate": _day(since), "dcat:endDate": until and _day(until)})


def _filled(node: Node) -> Node:
    return {name: value for name, value in node.items() if value is not None}


def _said(text: object) -> list[dict[str, str]]:
    return [{"@value": said, "@language": language} for language, said in in_languages(text).items()]


def _languages() -> Iterable[Node]:
    return [_linked(f"{AUTHORITY}language/{code}") for code in ("ELL", "ENG")]


def _linked(address: str) -> Node:
    return {"@id": address}


def _day(day: date) -> Node:
    return {"@value": day.isoformat(), "@type": "xsd:date"}


def _moment(moment: datetime | None) -> Node | None:
    return {"@value": moment.isoformat(timespec="seconds"), "@type": "xsd:dateTime"} if moment else None
