"""Tests of what anybody gets: the page, the files, what their columns mean, and the catalogue."""

import csv
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pyshacl import validate
from rdflib import Graph

from reports.models import Release, ReleasedRow
from reports.opening import files
from reports.opening.datasets import DATASETS
from tests.builders import an_agency

# rdflib reads JSON-LD by a class of its own that it no longer wants to be used.
pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:ConjunctiveGraph is:DeprecationWarning")]
SHAPES = Path(__file__).with_name("dcat_ap.ttl")


def a_release(month: date, rows: int = 1, **cells: object) -> Release:
    release = Release.objects.create(month=month, released_at=datetime(2026, 3, 1, tzinfo=UTC))
    told = {"month": f"{month:%Y-%m}", "agency": "kep", "agency_el": "ΚΕΠ", "agency_en": "=KEP", "channel": "video"}
    ReleasedRow.objects.bulk_create(
        ReleasedRow(
            release=release,
            dataset=name,
            cells=told | {"service": f"kep-{number}", "served": 10 + number, "missed": None} | cells,
        )
        for name in DATASETS
        for number in range(rows)
    )
    return release


@pytest.fixture
def _two_months() -> None:
    a_release(date(2026, 1, 1), 3)
    a_release(date(2025, 12, 1), 2)


def read(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return response.getvalue().decode()


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.usefixtures("_two_months")
def test_dataset_has_all_months_in_order(client: Client) -> None:
    rows = table(read(client, "/reports/open-data/services.csv"))
    assert [row["month"] for row in rows] == ["2025-12"] * 2 + ["2026-01"] * 3
    assert rows[0].keys() == {*DATASETS["services"].names}
    assert (rows[0]["served"], rows[0]["missed"], rows[0]["walk_ins"]) == ("10", "", "")
    assert rows[0]["agency_en"] == "'=KEP"


@pytest.mark.usefixtures("_two_months")
def test_month_has_an_address_of_its_own(client: Client) -> None:
    rows = table(read(client, "/reports/open-data/services/2026-01.csv"))
    assert {row["month"] for row in rows} == {"2026-01"}
    assert len(rows) == 3


@pytest.mark.usefixtures("_two_months")
@pytest.mark.parametrize("dataset", DATASETS)
def test_json_says_the_same_as_csv(client: Client, dataset: str) -> None:
    told = json.loads(read(client, f"/reports/open-data/{dataset}.json"))
    rows = table(read(client, f"/reports/open-data/{dataset}.csv"))
    assert [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in told["rows"]] == [
        row | {"agency_en": "=KEP"} for row in rows
    ]
    assert [one["month"] for one in told["months"]] == ["2025-12", "2026-01"]
    assert told["licence"] == "https://creativecommons.org/licenses/by/4.0/"
    assert told["title"].keys() == {"el", "en"}
    assert told["dictionary"] == "http://localhost:8000/reports/open-data/dictionary.json"


def test_file_without_rows_is_whole(client: Client) -> None:
    assert json.loads(read(client, "/reports/open-data/services.json"))["rows"] == []
    assert table(read(client, "/reports/open-data/services.csv")) == []


@pytest.mark.usefixtures("_two_months")
@pytest.mark.parametrize(
    "address",
    ["people.csv", "services/2026-02.csv", "services/2026-13.json", "services/20260.csv", "services/now.json"],
)
def test_what_is_not_released_is_not_there(client: Client, address: str) -> None:
    assert client.get(f"/reports/open-data/{address}").status_code == 404


@pytest.mark.usefixtures("_two_months")
@pytest.mark.parametrize("address", ["services.csv", "services.json", "services/2026-01.json", "dictionary.json"])
def test_who_has_a_file_gets_no_body_until_there_is_more(client: Client, address: str) -> None:
    first = client.get(f"/reports/open-data/{address}")
    assert "public" in first["Cache-Control"]
    again = client.get(f"/reports/open-data/{address}", headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    a_release(date(2026, 2, 1))
    later = client.get(f"/reports/open-data/{address}", headers={"If-None-Match": first["ETag"]})
    assert later.status_code == (200 if address in {"services.csv", "services.json"} else 304)


@pytest.mark.usefixtures("_two_months")
def test_file_says_where_its_columns_are_described(client: Client) -> None:
    links = client.get("/reports/open-data/services.csv")["Link"]
    assert '<http://localhost:8000/reports/open-data/dictionary.json>; rel="describedby"' in links
    assert 'rel="license"' in links


def test_large_file_is_read_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    release = a_release(date(2026, 1, 1), 25)
    monkeypatch.setattr(files, "CHUNK", 10)
    with CaptureQueriesContext(connection) as queries:
        lines = list(files.csv_lines(DATASETS["services"], [release]))
    assert len(lines) == 26
    assert len(queries) == 4
    assert len(set(lines)) == 26


def test_every_column_is_described_in_both_languages(client: Client) -> None:
    told = json.loads(read(client, "/reports/open-data/dictionary.json"))
    rows = table(read(client, "/reports/open-data/dictionary.csv"))
    columns = [(one["dataset"], column["name"]) for one in told["datasets"] for column in one["columns"]]
    assert columns == [(name, column) for name, dataset in DATASETS.items() for column in dataset.names]
    assert columns == [(row["dataset"], row["column"]) for row in rows]
    assert all(all(row.values()) for row in rows)
    assert all(row["meaning_el"] != row["meaning_en"] for row in rows)
    assert told["hidden"] == {"counts_below": 10, "hidden_counts_come_to_at_least": 20}


@pytest.mark.usefixtures("_two_months")
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_page_leads_to_every_file(client: Client, prefix: str) -> None:
    page = read(client, f"{prefix}/reports/open-data/")
    for dataset in DATASETS:
        for file in (f"{dataset}.csv", f"{dataset}.json", f"{dataset}/2026-01.csv", f"{dataset}/2025-12.json"):
            assert f'href="{prefix}/reports/open-data/{file}"' in page
    assert f'href="{prefix}/reports/catalog.jsonld"' in page
    assert f'href="{prefix}/reports/open-data/' in read(client, f"{prefix}/reports/agencies/")


def test_page_without_a_month_says_so(client: Client) -> None:
    assert "–" in read(client, "/reports/open-data/")


def graph(client: Client) -> Graph:
    return Graph().parse(data=read(client, "/reports/catalog.jsonld"), format="json-ld")


@pytest.mark.parametrize("is_released", [True, False])
def test_catalogue_is_what_dcat_ap_asks_for(client: Client, is_released: bool) -> None:
    an_agency(live_since=date(2020, 7, 27))
    if is_released:
        a_release(date(2026, 1, 1))
    found = graph(client)
    is_right, _report, text = validate(found, shacl_graph=Graph().parse(SHAPES), advanced=False)
    assert is_right, text
    datasets = found.query("SELECT ?one WHERE { ?one a <http://www.w3.org/ns/dcat#Dataset> }")
    assert len(datasets) == len(DATASETS) + 1


def test_shapes_refuse_a_catalogue_that_lacks_something(client: Client) -> None:
    for word in ("distribution", "contactPoint", "theme"):
        found = graph(client)
        found.remove((None, found.namespace_manager.expand_curie(f"dcat:{word}"), None))
        assert not validate(found, shacl_graph=Graph().parse(SHAPES))[0], word


@pytest.mark.usefixtures("_two_months")
def test_every_address_of_the_catalogue_opens(client: Client) -> None:
    an_agency(live_since=date(2020, 7, 27))
    told = json.loads(read(client, "/reports/catalog.jsonld"))
    assert client.get("/reports/catalog.jsonld")["Content-Type"] == "application/ld+json"
    for dataset in told["dcat:dataset"]:
        read(client, dataset["dcat:landingPage"]["@id"].removeprefix("http://localhost:8000"))
        for one in dataset["dcat:distribution"]:
            if one["@id"].endswith(".xlsx"):  # has tests of its own (test_published.py)
                continue
            response = client.get(one["@id"].removeprefix("http://localhost:8000"))
            assert response["Content-Type"].split(";")[0] in one["dcat:mediaType"]["@id"]


def test_catalogue_says_until_when(client: Client) -> None:
    a_release(date(2026, 1, 1))
    a_release(date(2026, 2, 1))
    services = next(
        one
        for one in json.loads(read(client, "/reports/catalog.jsonld"))["dcat:dataset"]
        if one["@id"].endswith("#services")
    )
    assert services["dct:temporal"]["dcat:startDate"]["@value"] == "2026-01-01"
    assert services["dct:temporal"]["dcat:endDate"]["@value"] == "2026-02-28"
