"""The pages of reports by mail: making a list, one's own lists, and stopping the mails by one press."""

from datetime import date

import pytest
from django.test import Client

from accounts.models import User
from agencies.models import Branch, Membership, Role
from reports.mailing import subscriptions
from reports.models import Recipient, Sending, Subscription
from tests.builders import NOW, a_branch, a_user, an_agency, an_officer, an_open_branch
from tests.pages import text_of
from tests.reports.mailing.lists import ALL, a_list, an_official, proven

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
LISTS, NEW = "/en/reports/sendings/", "/en/reports/sendings/new/"
SAID = {
    "schedule": "monthly",
    "period": "month",
    "attachment": "csv",
    "recipients": "official@example.org",
    "language": "el",
    "last_day": "2026-12-31",
}


@pytest.fixture
def branch() -> Branch:
    return an_open_branch()


@pytest.fixture
def official(client: Client) -> User:
    user = an_official()
    client.force_login(user)
    return user


# Making a list


def test_every_report_leads_to_the_form_with_its_filters(client: Client, official: User, branch: Branch) -> None:
    an_agency("aade")
    page = text_of(client.get("/en/reports/?agency=kep&from=2026-03"))
    assert f"{NEW}?report=index&agency=kep&from=2026-03" in page
    assert f"{NEW}?report=agencies" in text_of(client.get("/en/reports/agencies/"))
    form = text_of(client.get(f"{NEW}?report=index&agency=kep&channel=video"))
    assert "Agency: <strong>KEP</strong>" in form
    assert "official@example.org</textarea>" in form


def test_list_is_made_with_filters_and_without_months(client: Client, official: User, branch: Branch) -> None:
    an_agency("aade")
    answer = client.post(f"{NEW}?report=index&agency=kep&channel=&from=2026-03&until=2026-03", SAID)
    assert answer.url == LISTS
    one = Subscription.objects.get()
    assert (one.report, one.query, one.period, one.language) == ("index", "agency=kep", "month", "el")
    assert (one.agencies, one.branches, one.last_day) == ([branch.agency_id], [], date(2026, 12, 31))
    assert (one.due_at > NOW, one.due_at.day) == (True, 2)
    assert [person.user for person in one.recipients.all()] == [official]
    page = text_of(client.get(LISTS))
    assert "Agency: <strong>KEP</strong>" in page
    for words in ("On the 2nd of each month", "The last month", "CSV for programs", "official@example.org"):
        assert words in page


def test_people_are_written_in_any_way_and_once(client: Client, official: User, branch: Branch) -> None:
    an_official("one@example.org")
    client.post(f"{NEW}?report=index", SAID | {"recipients": "One@Example.org, one@example.org;\nofficial@example.org"})
    assert sorted(one.user.email for one in Recipient.objects.all()) == ["official@example.org", "one@example.org"]


@pytest.mark.parametrize("who", ["unknown", "citizen", "agent", "other agency", "inactive", "unproven"])
def test_nobody_gets_it_who_may_not_see_it(client: Client, official: User, branch: Branch, who: str) -> None:
    email = "somebody@example.org"
    if who == "citizen":
        proven(a_user(email))
    if who == "agent":
        proven(an_officer(branch, Role.AGENT, email))
    if who == "other agency":
        proven(an_officer(an_agency("aade"), Role.AGENCY_ADMIN, email))
    if who == "inactive":
        an_official(email, is_active=False)
    if who == "unproven":
        a_user(email, is_official=True)
    answer = client.post(f"{NEW}?report=index", SAID | {"recipients": email})
    assert answer.status_code == 400
    page = text_of(answer)
    assert 'href="#id_recipients"' in page
    assert f"Nobody who may see these figures has signed in with this address: {email}" in page
    assert not Subscription.objects.exists()


def test_supervisor_sends_own_figures_to_colleagues_alone(client: Client, branch: Branch) -> None:
    other = a_branch(branch.agency, "kep-sitia")
    user = proven(an_officer(branch, Role.SUPERVISOR, "supervisor@example.org"))
    colleague = proven(an_officer(other, Role.SUPERVISOR, "colleague@example.org"))
    admin = proven(an_officer(branch.agency, Role.AGENCY_ADMIN, "admin@example.org"))
    client.force_login(user)
    assert client.post(f"{NEW}?report=index", SAID | {"recipients": colleague.email}).status_code == 400
    assert client.post(f"{NEW}?report=index", SAID | {"recipients": f"{user.email} {admin.email}"}).status_code == 302
    assert (Subscription.objects.get().agencies, Subscription.objects.get().branches) == ([], [branch.pk])


def test_published_table_goes_to_any_proven_address(client: Client, official: User, branch: Branch) -> None:
    proven(a_user("citizen@example.org"))
    a_user("unproven@example.org")
    answers = [
        client.post(f"{NEW}?report=agencies", SAID | {"recipients": f"{who}@example.org"}).status_code
        for who in ("citizen", "unproven")
    ]
    assert answers == [302, 400]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schedule", "daily"),
        ("period", ""),
        ("attachment", "pdf"),
        ("recipients", ""),
        ("recipients", " ".join(f"{number}@example.org" for number in range(51))),
        ("language", "de"),
        ("last_day", "2026-03-02"),
        ("last_day", "2028-03-03"),
        ("last_day", "soon"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(client: Client, official: User, field: str, value: str) -> None:
    answer = client.post(f"{NEW}?report=index", SAID | {field: value})
    assert answer.status_code == 400
    assert f'href="#id_{field}' in text_of(answer)
    assert not Subscription.objects.exists()


def test_wrong_filter_leads_to_the_page_that_says_so(client: Client, official: User) -> None:
    answer = client.get(f"{NEW}?report=index&channel=fax")
    assert answer.url.startswith("/en/reports/?report=index&channel=fax")
    assert client.get(f"{NEW}?report=unknown").status_code == 404


def test_too_long_address_and_too_many_lists_are_refused(client: Client, official: User) -> None:
    assert "is too long" in text_of(client.post(f"{NEW}?report=index&more={'x' * 500}", SAID))
    for _ in range(30):
        a_list(official)
    assert "You have 30 reports by mail already" in text_of(client.post(f"{NEW}?report=index", SAID))
    assert Subscription.objects.count() == 30


# Who sees and changes which lists


@pytest.mark.parametrize(("who", "status"), [("stranger", 302), ("citizen", 404), ("agent", 403)])
def test_pages_are_for_those_who_see_figures(client: Client, branch: Branch, who: str, status: int) -> None:
    one = a_list(an_official())
    if who != "stranger":
        client.force_login(a_user() if who == "citizen" else an_officer(branch))
    change = f"{LISTS}{one.reference}/"
    answers = [client.get(LISTS), client.get(f"{NEW}?report=index"), client.post(change, {"do": "delete"})]
    assert {answer.status_code for answer in answers} == {status}
    assert Subscription.objects.exists()


def test_others_lists_are_seen_and_changed_by_operators_alone(client: Client, official: User) -> None:
    one = a_list(an_official("other@example.org"))
    assert "other@example.org" not in text_of(client.get(LISTS))
    for do in ("pause", "resume", "delete"):
        assert client.post(f"{LISTS}{one.reference}/", {"do": do}).status_code == 404
    client.force_login(a_user("operator@example.org", is_operator=True))
    assert "other@example.org" in text_of(client.get(LISTS))
    client.post(f"{LISTS}{one.reference}/", {"do": "pause"})
    assert Subscription.objects.get().paused_at == NOW


def test_list_is_paused_resumed_and_deleted(client: Client, official: User) -> None:
    change = f"{LISTS}{a_list(official).reference}/"
    client.post(change, {"do": "pause"})
    assert "Stopped for now, since 02/03/2026" in text_of(client.get(LISTS))
    client.post(change, {"do": "resume"})
    assert Subscription.objects.get().paused_at is None
    client.post(change, {"do": "anything"})
    assert client.get(change).status_code == 405
    assert "Delete this report by mail?" in text_of(client.post(change, {"do": "delete"}))
    assert Subscription.objects.exists()
    assert "no longer sent by mail" in text_of(client.post(change, {"do": "delete", "sure": "1"}, follow=True))
    assert not Subscription.objects.exists()


def test_list_is_changed_and_what_is_not_changed_stays(client: Client, official: User) -> None:
    stays, goes, comes = (an_official(f"{name}@example.org") for name in ("stays", "goes", "comes"))
    one = a_list(official, stays, goes, query="channel=video")
    key = one.recipients.get(user=stays).key
    edit = f"{LISTS}{one.reference}/edit/"
    page = text_of(client.get(edit))
    assert "stays@example.org\ngoes@example.org</textarea>" in page
    assert f'href="{edit}"' in text_of(client.get(LISTS))
    answer = client.post(edit, SAID | {"recipients": "stays@example.org comes@example.org"})
    assert answer.url == LISTS
    before, one = one, Subscription.objects.get()
    assert (one.report, one.query, one.schedule, one.attachment) == ("index", "channel=video", "monthly", "csv")
    assert (one.due_at.day, one.due_at > before.due_at) == (2, True)
    assert {person.user for person in one.recipients.all()} == {stays, comes}
    assert one.recipients.get(user=stays).key == key


def test_same_schedule_keeps_its_next_moment(client: Client, official: User) -> None:
    one = a_list(official, schedule="monthly")
    Subscription.objects.update(due_at=NOW)
    client.post(f"{LISTS}{one.reference}/edit/", SAID)
    assert Subscription.objects.get().due_at == NOW


def test_who_has_stopped_the_mails_is_not_put_on_the_list_again(client: Client, official: User) -> None:
    stopped = an_official("stopped@example.org")
    one = a_list(official, official, stopped)
    subscriptions.stop(one.recipients.get(user=stopped), now=NOW)
    edit = f"{LISTS}{one.reference}/edit/"
    assert "stopped@example.org" not in text_of(client.get(edit))
    answer = client.post(edit, SAID | {"recipients": "official@example.org stopped@example.org"})
    assert (answer.status_code, "Stopped these mails themselves: stopped@example.org" in text_of(answer)) == (400, True)
    assert client.post(edit, SAID).status_code == 302
    assert one.recipients.get(user=stopped).stopped_at == NOW


def test_nobody_is_put_on_a_list_who_may_not_see_it(client: Client, official: User) -> None:
    one = a_list(official)
    answer = client.post(f"{LISTS}{one.reference}/edit/", SAID | {"recipients": proven(a_user()).email})
    assert answer.status_code == 400
    assert one.recipients.get().user == official


def test_others_and_ended_lists_are_not_changed(client: Client, official: User) -> None:
    other, ended = a_list(an_official("other@example.org")), a_list(official)
    subscriptions.end(ended, Subscription.End.OVER, now=NOW)
    for one in (other, ended):
        assert client.get(f"{LISTS}{one.reference}/edit/").status_code == 404
        assert client.post(f"{LISTS}{one.reference}/edit/", SAID).status_code == 404
    assert {one.schedule for one in Subscription.objects.all()} == {"weekly"}


def test_list_tells_what_became_of_the_latest_mail(client: Client, official: User) -> None:
    one = a_list(official, an_official("one@example.org"), official)
    for person, state in zip(one.recipients.all(), ("returned", "sent"), strict=True):
        Sending.objects.create(recipient=person, moment=NOW, retry_at=NOW, state=state)
    page = text_of(client.get(LISTS))
    assert "one@example.org · Came back" in page
    assert "official@example.org · Sent" in page


def test_lists_take_the_same_queries_for_any_number(
    client: Client, official: User, branch: Branch, django_assert_num_queries: object
) -> None:
    client.get(LISTS)
    for number in (1, 3):
        for place in range(number):
            query = "agency=kep&branch=kep-chania&procedure=kep-dilosi"
            a_list(official, an_official(f"{number}-{place}@example.org"), official, query=query)
        with django_assert_num_queries(8):  # type: ignore[operator]
            client.get(LISTS)


# One press


def test_one_press_of_a_mail_program_stops_the_mails(official: User) -> None:
    one = a_list(official, official, an_official("one@example.org"))
    person = one.recipients.first()
    assert person is not None
    strict = Client(enforce_csrf_checks=True)
    address = f"{LISTS}stop/{person.key}/"
    assert "Stop these mails?" in text_of(strict.get(address))
    assert not Recipient.objects.filter(stopped_at=NOW).exists()
    for _ in range(2):
        answer = strict.post(address, {"List-Unsubscribe": "One-Click"})
        assert (answer.status_code, "no more of these mails" in text_of(answer)) == (200, True)
    assert [*Recipient.objects.filter(stopped_at=NOW)] == [person]
    assert Subscription.objects.get().ended_at is None


def test_list_that_everybody_has_stopped_ends(client: Client) -> None:
    one = a_list(an_official(), scope=ALL)
    client.post(f"{LISTS}stop/{one.recipients.get().key}/")
    assert Subscription.objects.get().end == Subscription.End.STOPPED


def test_key_of_a_deleted_list_says_the_same_as_any(client: Client) -> None:
    answer = client.post(f"{LISTS}stop/{'a' * 22}/")
    assert (answer.status_code, "no more of these mails" in text_of(answer)) == (200, True)


def test_member_of_two_branches_is_read_by_an_agency_admin(client: Client, branch: Branch) -> None:
    user = proven(an_officer(branch, Role.SUPERVISOR, "supervisor@example.org"))
    Membership.objects.create(
        user=user, agency=branch.agency, branch=a_branch(branch.agency, "kep-sitia"), role=Role.SUPERVISOR
    )
    client.force_login(user)
    client.post(f"{NEW}?report=index&branch=kep-chania", SAID | {"recipients": user.email})
    assert Subscription.objects.get().branches == [branch.pk]
