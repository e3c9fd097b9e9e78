"""What a visit costs: the bytes that come, compressed as they are served, and the length of a page of many branches."""

import gzip

import brotli
import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, Response

from agencies.loading.catalogue import load_agencies
from agencies.models import Agency, Branch, Channel, OpeningRule, Procedure
from appointments.times.publishing import publish
from tests.builders import EVERY_DAY, a_rule, an_agency

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FIRST, THEN = 150_000, 30_000  # bytes
MOST_NODES = 800
COMPRESSED = (".css", ".js", ".svg")


@pytest.fixture
def service() -> Procedure:
    """A service that every ΚΕΠ of the country gives."""
    load_agencies()
    OpeningRule.objects.all().delete()
    Agency.objects.update(horizon_days=3)
    branches = Branch.objects.filter(agency__slug="kep")
    for branch in branches:
        a_rule(branch, weekdays=EVERY_DAY)
    publish(branches.values_list("pk", flat=True), now=timezone.now())
    return Procedure.objects.filter(agency__slug="kep", channels__contains=[Channel.IN_PERSON]).earliest("pk")


class Visit:
    """Weighs what comes. A browser keeps static files for good, because their names tell their contents."""

    def __init__(self, page: Page) -> None:
        self.page, self.kept = page, set[str]()

    def weight_of(self, address: str) -> int:
        answers: list[Response] = []

        def note(answer: Response) -> None:
            answers.append(answer)

        self.page.on("response", note)
        self.page.goto(address, wait_until="networkidle")
        self.page.remove_listener("response", note)
        came = [answer for answer in answers if answer.status == 200 and answer.url not in self.kept]
        self.kept |= {answer.url for answer in came if "text/html" not in answer.headers["content-type"]}
        return sum(map(_weight, came))


def _weight(answer: Response) -> int:
    body = answer.body()
    if answer.url.partition("?")[0].endswith(COMPRESSED):
        return len(brotli.compress(body))
    return len(gzip.compress(body)) if "text/html" in answer.headers["content-type"] else len(body)


def test_first_visit_is_light_and_the_next_pages_are_lighter(page: Page, service: Procedure) -> None:
    visit, at = Visit(page), f"/mykeplive/{service.code}/"
    first = visit.weight_of("/")
    assert 50_000 < first <= FIRST
    branches, here = f"{at}book/branch/?channel=in_person", Branch.objects.get(code="kep-chania")
    for address in ("/mykeplive/", at, f"{at}book/", branches, f"{at}book/time/?channel=in_person&branch={here.code}"):
        assert 1_000 < visit.weight_of(address) <= THEN, address
    page.goto(branches)
    assert page.locator(".place").count() > 10
    assert page.evaluate("document.querySelectorAll('*').length") <= MOST_NODES


@pytest.mark.parametrize("address", ["/", "/mykeplive/"])
def test_pages_come_compressed(client: Client, address: str) -> None:
    an_agency()
    answer = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer["Vary"]
    # Of one length each time, a page would tell by it whether a guess stands in it as well.
    assert len({len(client.get(address, headers={"Accept-Encoding": "gzip"}).content) for _ in range(20)}) > 1
