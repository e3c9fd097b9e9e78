"""Permissions in the admin: which people may see and change which rows. Nobody can give rights that they do not have."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.models import User
from agencies.facts import system_of
from agencies.members import inviting
from agencies.models import Agency, Branch, Closure, Invitation, Membership, Procedure, Role, Synonym, SystemToken
from tests.builders import (
    a_branch,
    a_procedure,
    a_user,
    an_agency,
    an_appointment,
    an_officer,
    an_open_branch,
    slots_of,
)
from tests.pages import text_of

pytestmark = pytest.mark.django_db
ADMIN = "/en/admin/agencies/"


@pytest.fixture
def kep() -> Agency:
    agency = an_agency()
    a_branch(agency)
    a_procedure(agency)
    return agency


@pytest.fixture
def aade() -> Agency:
    agency = an_agency("aade")
    a_branch(
        agency, "aade-athens", name_el="ΔΟΥ Αθηνών", name_en="Athens tax office", city_el="Αθήνα", city_en="Athens"
    )
    a_procedure(agency, "aade-one", name_el="Κλειδάριθμος", name_en="Access key")
    return agency


@pytest.fixture
def administrator(client: Client, kep: Agency) -> Client:
    client.force_login(an_officer(kep, Role.AGENCY_ADMIN, "admin@example.org"))
    return client


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(a_user("operator@example.org", is_operator=True, is_invited=True))
    return client


def procedure_data(agency: Agency, **fields: Any) -> dict[str, Any]:
    given = {"agency": agency.pk, "code": "kep-new", "name_el": "Νέα", "name_en": "New", "channels": ["video"]}
    return given | {"duration_minutes": "20", "open_limit": "1", "identification": "none"} | fields


def accepted() -> None:
    """Accepts the invitations that are open, as who has got the mail."""
    for one in Invitation.objects.filter(state=Invitation.State.OPEN):
        one.digest = SystemToken.digest_of("key")
        one.save()
        inviting.accept("key", now=timezone.now())


def invitation(agency: Agency, **fields: Any) -> dict[str, Any]:
    return {
        "email": "New.Officer@example.org",
        "name": "Νέα",
        "agency": agency.pk,
        "branch": "",
        "everywhere": "" if "branch" in fields else "on",
        "role": "agent",
    } | fields


# Procedures


def test_administrator_adds_a_procedure(administrator: Client, kep: Agency) -> None:
    administrator.post(f"{ADMIN}procedure/add/", procedure_data(kep, channels=["video", "in_person"]))
    assert Procedure.objects.get(code="kep-new").channels == ["in_person", "video"]


def test_procedure_without_a_channel_is_refused(administrator: Client, kep: Agency) -> None:
    text = text_of(administrator.post(f"{ADMIN}procedure/add/", procedure_data(kep, channels=[])))
    assert "Tick at least one channel." in text


def test_procedure_for_another_agency_is_refused(administrator: Client, aade: Agency) -> None:
    administrator.post(f"{ADMIN}procedure/add/", procedure_data(aade))
    assert not Procedure.objects.filter(code="kep-new").exists()


def test_rows_of_another_agency_do_not_exist(administrator: Client, aade: Agency) -> None:
    token = SystemToken.objects.create(agency=aade, label="ERP", digest="x")
    officer = an_officer(aade, email="other@example.org").memberships.get()
    rows = {"procedure": aade.procedures.get(), "branch": aade.branches.get(), "agency": aade}
    for kind, row in {**rows, "systemtoken": token, "membership": officer}.items():
        for page in ("change", "history", "delete"):
            response = administrator.get(f"{ADMIN}{kind}/{row.pk}/{page}/")
            assert response.status_code == 404, (kind, page)
        listed = text_of(administrator.get(f"{ADMIN}{kind}/"))
        assert "Access key" not in listed
        assert "Athens tax office" not in listed
        assert "other@example.org" not in listed


def test_choices_are_ones_own_agency(administrator: Client, aade: Agency) -> None:
    for kind in ("procedure", "branch", "invitation", "systemtoken"):
        assert ">AADE<" not in text_of(administrator.get(f"{ADMIN}{kind}/add/"))


def test_filters_do_not_name_other_agencies(administrator: Client, aade: Agency) -> None:
    assert "AADE" not in text_of(administrator.get(f"{ADMIN}procedure/"))
    assert "Access key" not in text_of(administrator.get(f"{ADMIN}procedure/?agency=aade"))


# Agencies


def agency_data(agency: Agency, **fields: Any) -> dict[str, Any]:
    names = (
        "stage name_el name_en short_name_el short_name_en platform accent horizon_days notice_minutes change_minutes "
        "hold_minutes verify_minutes retention_days video_provider video_early_minutes video_late_minutes walk_in_minutes "
        "alert_days"
    )
    given = {name: getattr(agency, name) for name in names.split()}
    return given | {"live_since": "01/01/2022", "reminders": "1440, 120"} | fields


def test_operator_sets_an_agencys_rules(operator: Client, kep: Agency) -> None:
    operator.post(f"{ADMIN}agency/{kep.pk}/change/", agency_data(kep, notice_minutes="120"))
    kep.refresh_from_db()
    assert (kep.notice_minutes, kep.reminders) == (120, [1440, 120])


def test_operator_sets_how_the_day_goes_at_an_agencys_branches(operator: Client, kep: Agency) -> None:
    day = {"walk_in_minutes": "15", "alert_days": "7", "feeds_show_names": "on"}
    operator.post(f"{ADMIN}agency/{kep.pk}/change/", agency_data(kep, **day))
    kep.refresh_from_db()
    assert (kep.walk_in_minutes, kep.alert_days, kep.feeds_show_names) == (15, 7, True)


def test_agency_in_production_says_since_when(operator: Client, kep: Agency) -> None:
    text = text_of(operator.post(f"{ADMIN}agency/{kep.pk}/change/", agency_data(kep, live_since="")))
    assert "Say since when it is in production." in text


def test_administrator_reads_the_agencys_rules(administrator: Client, kep: Agency) -> None:
    assert administrator.get(f"{ADMIN}agency/{kep.pk}/change/").status_code == 200
    assert administrator.post(f"{ADMIN}agency/{kep.pk}/change/", agency_data(kep)).status_code == 403


def test_what_appointments_refer_to_is_not_deleted(operator: Client) -> None:
    branch = an_open_branch()
    an_appointment(slots_of(branch)[0])
    for kind, row in {"agency": branch.agency, "branch": branch, "procedure": branch.agency.procedures.get()}.items():
        assert operator.post(f"{ADMIN}{kind}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Branch.objects.exists()


def test_administrator_finds_a_branch_by_what_was_edited(administrator: Client, kep: Agency) -> None:
    branch = kep.branches.get()
    names = ["name_el", "name_en", "city_el", "country", "timezone"]
    data = {name: getattr(branch, name) for name in names} | {"city_en": "Kissamos", "is_open": "on"}
    for prefix in ("opening_rules", "closures"):
        data |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    administrator.post(f"{ADMIN}branch/{branch.pk}/change/", data)
    for typed in ("kissamos", "ΚΙΣΑΜΟΣ", "Κισάμου"):
        assert f"/branch/{branch.pk}/change/" in administrator.get(f"{ADMIN}branch/", {"q": typed}).text
    assert f"/branch/{branch.pk}/change/" not in administrator.get(f"{ADMIN}branch/", {"q": "Sparta"}).text


@pytest.mark.usefixtures("clock")
def test_new_branch_is_closed_on_its_countrys_holidays_at_once(administrator: Client, kep: Agency) -> None:
    names = {"name_el": "ΚΕΠ Κισσάμου", "name_en": "KEP Kissamos", "city_el": "Κίσσαμος", "city_en": "Kissamos"}
    data = {"of_agency": kep.pk, "agency": kep.pk, "code": "kep-kissamos", "is_open": "on", **names}
    administrator.post(f"{ADMIN}branch/add/", data | {"country": "GR", "timezone": "Europe/Athens"})
    closed = Branch.objects.get(code="kep-kissamos").closures.filter(kind=Closure.Kind.HOLIDAY)
    assert {(day.month, day.day) for day in closed.values_list("from_date", flat=True)} >= {(3, 25), (10, 28)}
    assert {day.year for day in closed.values_list("from_date", flat=True)} == {2026, 2027, 2028}


# Memberships


def test_invitation_makes_an_account(administrator: Client, kep: Agency) -> None:
    administrator.post(f"{ADMIN}invitation/add/", invitation(kep))
    accepted()
    membership = Membership.objects.get(role=Role.AGENT)
    assert membership.user.email == "new.officer@example.org"
    assert not membership.user.has_usable_password()


def test_invitation_uses_the_account_that_is_there(administrator: Client, kep: Agency) -> None:
    known = a_user("new.officer@example.org", name="Γνωστή")
    administrator.post(f"{ADMIN}invitation/add/", invitation(kep))
    accepted()
    known.refresh_from_db()
    assert known.memberships.get().agency == kep
    assert known.name == "Γνωστή"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"email": "admin@example.org"}, "You cannot give a role to yourself."),
        ({"email": "nobody"}, "Enter an e-mail address in the right form"),
        ({"role": "operator"}, "not one of the available choices"),
    ],
)
def test_invitation_that_cannot_be_is_refused(
    administrator: Client, kep: Agency, fields: dict[str, str], message: str
) -> None:
    text = text_of(administrator.post(f"{ADMIN}invitation/add/", invitation(kep, **fields)))
    assert message in text
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("role", ["agent", "supervisor"])
def test_place_of_an_officer_is_chosen_and_never_all_branches_by_default(
    administrator: Client, kep: Agency, role: str
) -> None:
    text = text_of(administrator.get(f"{ADMIN}invitation/add/"))
    assert not re.search(r'name="everywhere"[^>]*\schecked[\s>]', text)
    text = text_of(administrator.post(f"{ADMIN}invitation/add/", invitation(kep, role=role, everywhere="")))
    assert "Choose a branch, or say that it is all branches of the agency." in text
    branch = kep.branches.get()
    text = text_of(administrator.post(f"{ADMIN}invitation/add/", invitation(kep, branch=branch.pk, everywhere="on")))
    assert "Choose one branch, or all branches, but not both." in text
    assert Membership.objects.count() == 1
    administrator.post(f"{ADMIN}invitation/add/", invitation(kep, branch=branch.pk, role=role))
    accepted()
    membership = Membership.objects.get(role=role)
    assert membership.branch == branch
    change = f"{ADMIN}membership/{membership.pk}/change/"
    assert "Choose a branch, or say" in text_of(administrator.post(change, {"branch": "", "role": role}))
    administrator.post(change, {"branch": "", "role": role, "everywhere": "on"})
    membership.refresh_from_db()
    assert membership.branch is None
    assert re.search(r'name="everywhere"[^>]*\schecked[\s>]', text_of(administrator.get(change)))


def test_new_service_is_offered_only_if_somebody_says_so(administrator: Client, kep: Agency) -> None:
    text = text_of(administrator.get(f"{ADMIN}procedure/add/"))
    assert not re.search(r'name="is_offered"[^>]*\schecked[\s>]', text)
    assert "at once at every branch" in text
    administrator.post(f"{ADMIN}procedure/add/", procedure_data(kep))
    service = Procedure.objects.get(code="kep-new")
    assert not service.is_offered
    change = f"{ADMIN}procedure/{service.pk}/change/"
    administrator.post(change, procedure_data(kep, is_offered="on"))
    service.refresh_from_db()
    assert service.is_offered
    assert re.search(r'name="is_offered"[^>]*\schecked[\s>]', text_of(administrator.get(change)))


def test_invitation_to_another_agency_is_refused(administrator: Client, kep: Agency, aade: Agency) -> None:
    administrator.post(f"{ADMIN}invitation/add/", invitation(aade))
    administrator.post(f"{ADMIN}invitation/add/", invitation(kep, branch=aade.branches.get().pk))
    assert not Invitation.objects.exists()


def test_second_invitation_is_told(administrator: Client, kep: Agency) -> None:
    for _ in range(2):
        accepted()
        response = administrator.post(f"{ADMIN}invitation/add/", invitation(kep))
    assert "already has a role there" in text_of(response)


def test_administrator_of_one_branch_is_refused(administrator: Client, kep: Agency) -> None:
    data = invitation(kep, branch=kep.branches.get().pk, role="agency_admin")
    assert "has the whole agency" in text_of(administrator.post(f"{ADMIN}invitation/add/", data))


@pytest.mark.parametrize("page", ["change", "delete"])
def test_own_membership_is_not_changed(administrator: Client, page: str) -> None:
    own = Membership.objects.get()
    response = administrator.post(f"{ADMIN}membership/{own.pk}/{page}/", {"role": "agent", "post": "yes"})
    assert response.status_code == 403
    assert Membership.objects.get().role == Role.AGENCY_ADMIN


def test_operator_does_not_become_an_officer(operator: Client, kep: Agency) -> None:
    operator.post(f"{ADMIN}invitation/add/", invitation(kep, email="operator@example.org"))
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("role", [Role.AGENT, Role.SUPERVISOR])
def test_officers_configure_nothing(client: Client, kep: Agency, role: Role) -> None:
    client.force_login(an_officer(kep, role))
    for kind in ("agency", "procedure", "membership", "systemtoken"):
        assert client.get(f"{ADMIN}{kind}/").status_code == 403
        assert client.get(f"{ADMIN}{kind}/add/").status_code == 403
    assert client.get(f"{ADMIN}procedure/{kep.procedures.get().pk}/change/").status_code == 403


# System tokens


def test_token_is_shown_once_and_works(administrator: Client, kep: Agency) -> None:
    data = {"agency": kep.pk, "label": "ERP", "is_active": "on"}
    text = text_of(administrator.post(f"{ADMIN}systemtoken/add/", data))
    key = text.split('<code class="token" tabindex="0">')[1].split("<")[0]
    token = system_of(key)
    assert token
    assert token.agency_id == kep.pk
    again = text_of(administrator.get(f"{ADMIN}systemtoken/{token.pk}/change/"))
    assert key not in again
    assert SystemToken.digest_of(key) not in again


def test_new_token_ends_after_a_year_unless_somebody_says_otherwise(administrator: Client, kep: Agency) -> None:
    form = administrator.get(f"{ADMIN}systemtoken/add/").context["adminform"].form
    assert timedelta(days=364) < form.get_initial_for_field(form.fields["ends_at"], "ends_at") - timezone.now()
    data = {"agency": kep.pk, "label": "ERP", "is_active": "on", "ends_at": "2027-03-02T07:30"}
    administrator.post(f"{ADMIN}systemtoken/add/", data)
    assert SystemToken.objects.get().ends_at == datetime(2027, 3, 2, 5, 30, tzinfo=UTC)


def test_token_for_another_agency_is_refused(administrator: Client, aade: Agency) -> None:
    administrator.post(f"{ADMIN}systemtoken/add/", {"agency": aade.pk, "label": "ERP", "is_active": "on"})
    assert not SystemToken.objects.exists()


# Users


USERS = "/en/admin/accounts/user/"


def test_operator_lists_who_has_a_role_and_no_citizen(operator: Client, kep: Agency) -> None:
    citizen, officer = a_user("citizen@example.org"), an_officer(kep)
    text = text_of(operator.get(USERS))
    assert officer.email in text
    assert citizen.email not in text
    assert operator.get(f"{USERS}{citizen.pk}/change/").status_code == 404


def test_users_page_shows_no_password(operator: Client, kep: Agency) -> None:
    officer = an_officer(kep)
    officer.set_password("secret and long")
    officer.save()
    text = text_of(operator.get(f"{USERS}{officer.pk}/change/"))
    assert "password" not in text.split('id="content"')[1].split("</main>")[0].lower()
    assert officer.password not in text


def test_password_is_not_searched_by_its_beginning(operator: Client) -> None:
    response = operator.get(f"{USERS}?password__startswith=md5")
    assert response.status_code in {302, 400}


def test_operator_does_not_raise_oneself(operator: Client) -> None:
    own = User.objects.get()
    data = {"name": "Εγώ", "language": "el", "is_official": "on", "is_superuser": "on", "email": "x@example.org"}
    operator.post(f"{USERS}{own.pk}/change/", data)
    own.refresh_from_db()
    assert (own.is_official, own.is_superuser, own.email, own.name) == (False, False, "operator@example.org", "Εγώ")


def test_operator_does_not_take_over_an_officers_address(operator: Client, kep: Agency) -> None:
    officer = an_officer(kep)
    data = {"email": "operator2@example.org", "name": "Άννα", "language": "el", "is_active": "on"}
    operator.post(f"{USERS}{officer.pk}/change/", data)
    officer.refresh_from_db()
    assert officer.email == "agent@example.org"


def test_deleting_a_membership_is_asked_in_the_words_of_the_product(operator: Client) -> None:
    row = Membership.objects.get(user=an_officer(an_agency("aade"), email="gone@example.org"))
    page = operator.get(f"{ADMIN}membership/{row.pk}/delete/")
    assert "This cannot be undone." in page.text
    assert "Are you sure" not in page.text
    operator.post(f"{ADMIN}membership/{row.pk}/delete/", {"post": "yes"})
    assert not Membership.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("page", ["accounts/user", "agencies/invitation"])
def test_address_of_somebody_else_is_not_called_ones_own(operator: Client, page: str) -> None:
    text = text_of(operator.post(f"/en/admin/{page}/add/", {}))
    assert "Enter an e-mail address." in text
    assert "your e-mail" not in text


def test_operator_makes_an_official_of_who_has_an_account(operator: Client) -> None:
    known = a_user("official@example.org", name="Γνωστός")
    data = {"address": "Official@example.org", "name": "", "language": "en", "is_official": "on"}
    operator.post(f"{USERS}add/", data)
    known.refresh_from_db()
    assert (known.is_official, known.name, known.language) == (True, "Γνωστός", "el")


# Everything that a page of the admin may say of a citizen's account is the address, which the operator typed.
LONG_AGO = datetime(2019, 5, 6, tzinfo=UTC)
OWN = {"name": "Μαρία Παπαδοπούλου", "phone": "6912345678", "language": "el"}


def seen_by(client: Client, *pages: str) -> str:
    return "".join(text_of(client.get(page, follow=True)) for page in pages)


def test_operator_sees_nothing_of_a_citizen_who_becomes_an_official(operator: Client) -> None:
    citizen = a_user("citizen@example.org", last_login=LONG_AGO, date_joined=LONG_AGO, **OWN)
    given = {"address": citizen.email, "name": "", "is_official": "on", "_continue": ""}
    added = text_of(operator.post(f"{USERS}add/", given, follow=True))
    accepted()
    own = f"{USERS}{citizen.pk}/"
    shown = added + seen_by(operator, USERS, f"{own}change/", f"{own}history/", "/en/admin/")
    assert citizen.email in shown
    assert [told for told in ("Μαρία", "Παπαδοπούλου", "6912345678", "2019") if told in shown] == []
    assert citizen.email not in text_of(operator.get(f"{USERS}?q=Παπαδοπούλου")).split("</form>")[-1]


def test_operator_edits_no_more_than_the_roles_of_a_citizens_account(operator: Client) -> None:
    citizen = a_user("citizen@example.org", is_official=True, **OWN)
    data = {"name": "Άλλη", "language": "en", "email": "x@example.org", "phone": "1", "is_operator": "on"}
    operator.post(f"{USERS}{citizen.pk}/change/", data)
    citizen.refresh_from_db()
    kept = {name: getattr(citizen, name) for name in OWN}
    assert (kept, citizen.email, citizen.is_active) == (OWN, "citizen@example.org", True)
    assert (citizen.is_operator, citizen.is_official) == (True, False)


def test_administrator_sees_nothing_of_a_citizen_who_becomes_an_officer(administrator: Client, kep: Agency) -> None:
    citizen = a_user("citizen@example.org", **OWN)
    given = invitation(kep, email=citizen.email, name="Νέα", _continue="")
    added = text_of(administrator.post(f"{ADMIN}invitation/add/", given, follow=True))
    accepted()
    own = f"{ADMIN}membership/{Membership.objects.get(user=citizen).pk}/"
    pages = (f"{ADMIN}membership/", f"{own}change/", f"{own}history/", f"{own}delete/", "/en/admin/")
    shown = added + seen_by(administrator, *pages)
    assert citizen.email in shown
    assert [told for told in ("Μαρία", "Παπαδοπούλου", "6912345678") if told in shown] == []
    assert citizen.email not in text_of(administrator.get(f"{ADMIN}membership/?q=Παπαδοπούλου"))
    citizen.refresh_from_db()
    assert {name: getattr(citizen, name) for name in OWN} == OWN


@pytest.mark.parametrize("query", ["officer@", "Νέα", "νέα officer"])
def test_who_was_invited_is_found_by_name_and_address(administrator: Client, kep: Agency, query: str) -> None:
    administrator.post(f"{ADMIN}invitation/add/", invitation(kep))
    accepted()
    assert "new.officer@example.org" in text_of(administrator.get(f"{ADMIN}membership/", {"q": query}))


def test_user_without_a_role_is_refused(operator: Client) -> None:
    text = text_of(operator.post(f"{USERS}add/", {"address": "x@example.org", "name": "", "language": "el"}))
    assert "Choose a role." in text


def test_users_are_for_operators_only(administrator: Client) -> None:
    assert administrator.get(USERS).status_code == 403
    assert administrator.get(f"{USERS}{User.objects.get().pk}/change/").status_code in {403, 404}


def test_list_of_memberships_says_everywhere_and_offers_to_add_one(administrator: Client, kep: Agency) -> None:
    assert ">All branches<" in administrator.get(f"{ADMIN}membership/").content.decode()
    nobody = text_of(administrator.get(f"{ADMIN.removeprefix('/en')}membership/?q=Κανείς"))
    assert "Κανένα αποτέλεσμα" in nobody
    assert "ρόλος υπαλλήλου: προσθήκη" not in nobody.split("Κανένα αποτέλεσμα")[1]
    assert re.search(r"add</span>\s*Προσθήκη\s*</a>", nobody)


@pytest.mark.parametrize("count", [1, 3])
def test_lists_take_as_many_queries_for_more_rows(
    administrator: Client, kep: Agency, count: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(count):
        a_procedure(kep, f"kep-{number}")
        an_officer(kep, email=f"officer{number}@example.org")
        SystemToken.objects.create(agency=kep, label=str(number), digest=str(number))
    for kind in ("procedure", "membership", "systemtoken", "agency"):
        with django_assert_max_num_queries(8):
            administrator.get(f"{ADMIN}{kind}/")


# Search words


def words_data(agency: Agency | None, **fields: Any) -> dict[str, Any]:
    given = {"code": "new-words", "agency": agency.pk if agency else "", "procedure": "", "words": "χαρτόσημο"}
    return given | {"note_el": "", "note_en": ""} | fields


def test_administrator_adds_words_for_a_service_of_the_agency(administrator: Client, kep: Agency) -> None:
    service = kep.procedures.get()
    administrator.post(f"{ADMIN}synonym/add/", words_data(kep, procedure=service.pk))
    assert Synonym.objects.get().procedure == service


def test_administrator_adds_no_words_for_others(administrator: Client, kep: Agency, aade: Agency) -> None:
    for given in (
        words_data(aade),
        words_data(kep, procedure=aade.procedures.get().pk),
        words_data(None, note_el="Αλλού"),
    ):
        answer = administrator.post(f"{ADMIN}synonym/add/", given)
        assert answer.status_code == 200
    assert not Synonym.objects.exists()


def test_administrator_sees_and_deletes_only_own_words(administrator: Client, kep: Agency, aade: Agency) -> None:
    own, *others = [
        Synonym.objects.create(code="own", agency=kep, words="δικά μας"),
        Synonym.objects.create(code="other", agency=aade, words="άλλου φορέα"),
        Synonym.objects.create(code="nobody", words="κανενός", note_el="Αλλού"),
    ]
    text = text_of(administrator.get(f"{ADMIN}synonym/"))
    assert "δικά μας" in text
    assert "άλλου φορέα" not in text
    assert "κανενός" not in text
    for row in others:
        assert administrator.post(f"{ADMIN}synonym/{row.pk}/delete/", {"post": "yes"}).status_code == 404
    administrator.post(f"{ADMIN}synonym/{own.pk}/delete/", {"post": "yes"})
    assert set(Synonym.objects.all()) == set(others)


def test_operator_writes_where_something_is_offered_that_is_not_booked_here(operator: Client) -> None:
    operator.post(f"{ADMIN}synonym/add/", words_data(None, note_el="Στην Αστυνομία"))
    assert Synonym.objects.get().note == "Στην Αστυνομία"


@pytest.mark.parametrize("model_admin", admin.site._registry.values(), ids=str)
def test_branch_is_chosen_by_typing_wherever_staff_choose_one(
    model_admin: admin.ModelAdmin, rf: RequestFactory
) -> None:
    request = rf.get("/")
    request.user = a_user("operator@example.org", is_operator=True)
    fields = {field.name for field in model_admin.model._meta.concrete_fields if field.related_model is Branch}
    if fields and model_admin.has_add_permission(request):
        shown = flatten_fieldsets(model_admin.get_fieldsets(request))
        assert fields & set(shown) <= set(model_admin.autocomplete_fields)
