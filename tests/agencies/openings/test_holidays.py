from collections.abc import Callable
from datetime import date

import pytest
from django.core.management import call_command
from time_machine import TimeMachineFixture

from agencies.loading import tables
from agencies.models import Branch, Closure
from agencies.openings import holidays
from agencies.openings.holidays import holidays_of, load_holidays, patron_saint_days, public_holidays
from tests import builders as a


def closed(branch: Branch) -> dict[date, Closure]:
    return {closure.from_date: closure for closure in Closure.objects.filter(branch=branch)}


@pytest.fixture
def kep_chania():
    return a.a_branch(a.an_agency("kep"), "kep-chania", municipality="chania")


@pytest.fixture
def melbourne():
    place = {"municipality": "", "country": "AU", "timezone": "Australia/Melbourne"}
    return a.a_branch(a.an_agency("consul"), "consul-au-melbourne", **place)


@pytest.mark.django_db
def test_kep_is_closed_on_greek_holidays_and_its_patron_saints_day(kep_chania: Branch):
    created = load_holidays(Branch.objects.all(), [2026])
    days = closed(kep_chania)
    assert created == len(days) == 13
    assert days[date(2026, 4, 13)].reason_el == "Δευτέρα του Πάσχα"
    assert days[date(2026, 10, 28)].reason_el == "28η Οκτωβρίου"
    assert days[date(2026, 11, 21)].reason_el == "Εισόδια της Θεοτόκου"
    assert date(2026, 4, 6) not in days
    closure = days[date(2026, 3, 25)]
    assert (closure.agency_id, closure.kind, closure.until_date) == (kep_chania.agency_id, "holiday", date(2026, 3, 25))
    assert (closure.from_time, closure.desks) == (None, None)


@pytest.mark.django_db
def test_consulate_is_closed_on_holidays_of_both_countries_and_of_its_state(melbourne: Branch):
    load_holidays(Branch.objects.all(), [2026])
    days = closed(melbourne)
    assert days[date(2026, 1, 26)].reason_el == "Ημέρα της Αυστραλίας"
    assert days[date(2026, 11, 3)].reason_en == "Melbourne Cup Day"
    assert days[date(2026, 4, 3)].reason_el == "Μεγάλη Παρασκευή των Καθολικών"
    assert days[date(2026, 4, 10)].reason_el == "Μεγάλη Παρασκευή"
    assert days[date(2026, 10, 28)].reason_en == "Ohi Day, 28 October"
    assert days[date(2026, 9, 25)].reason_el == "Τοπική αργία (Friday before the AFL Grand Final)"


@pytest.mark.django_db
def test_holidays_load_once_and_a_removed_one_stays_away(kep_chania: Branch):
    load_holidays(Branch.objects.all(), [2026])
    Closure.objects.filter(from_date=date(2026, 11, 21)).delete()
    assert load_holidays(Branch.objects.all(), [2026]) == 0
    assert date(2026, 11, 21) not in closed(kep_chania)


@pytest.mark.django_db
def test_new_branch_and_new_year_get_theirs_later(kep_chania: Branch, melbourne: Branch):
    load_holidays(Branch.objects.filter(pk=kep_chania.pk), [2026])
    assert closed(melbourne) == {}
    load_holidays(Branch.objects.all(), [2026, 2027])
    assert {day.year for day in closed(melbourne)} == {day.year for day in closed(kep_chania)} == {2026, 2027}
    assert sum(day.year == 2026 for day in closed(kep_chania)) == 13


@pytest.mark.django_db
def test_a_branchs_own_closure_does_not_stop_its_holidays(kep_chania: Branch):
    a.a_closure(kep_chania, date(2026, 10, 28), kind=Closure.Kind.CLOSED)
    assert load_holidays(Branch.objects.all(), [2026]) == 13


@pytest.mark.django_db
def test_loading_takes_few_queries_for_any_number_of_branches(
    kep_chania: Branch, melbourne: Branch, django_assert_max_num_queries: Callable
):
    a.a_branch(kep_chania.agency, "kep-kos", municipality="kos")
    with django_assert_max_num_queries(5):
        load_holidays(Branch.objects.all(), [2026, 2027, 2028])
    assert Closure.objects.count() > 100


@pytest.mark.django_db
def test_command_loads_the_years_it_is_given(kep_chania: Branch, capsys: pytest.CaptureFixture[str]):
    call_command("load_holidays", "--year", "2027", "--year", "2028")
    assert {day.year for day in closed(kep_chania)} == {2027, 2028}
    assert "for 2027, 2028." in capsys.readouterr().out


@pytest.mark.django_db
def test_command_loads_this_year_and_two_more(kep_chania: Branch, time_machine: TimeMachineFixture):
    time_machine.move_to("2026-12-31T22:30:00Z")  # already 2027 in Athens
    call_command("load_holidays")
    assert {day.year for day in closed(kep_chania)} == {2027, 2028, 2029}


@pytest.mark.parametrize(
    ("year", "easter_monday"), [(2024, "05-06"), (2025, "04-21"), (2026, "04-13"), (2027, "05-03"), (2028, "04-17")]
)
def test_easter_monday_is_orthodox(year: int, easter_monday: str):
    days = {holiday.name_en: holiday.day for holiday in public_holidays("GR", "", year)}
    assert days["Orthodox Easter Monday"] == date.fromisoformat(f"{year}-{easter_monday}")


def test_first_of_may_on_holy_saturday_moves_to_tuesday_after_easter():
    names = {holiday.day: holiday.name_el for holiday in public_holidays("GR", "", 2027)}
    assert names[date(2027, 5, 4)] == "Πρωτομαγιά (μεταφορά)"
    assert date(2026, 5, 5) not in {holiday.day for holiday in public_holidays("GR", "", 2026)}


def test_half_days_do_not_close():
    assert date(2026, 12, 24) not in {holiday.day for holiday in public_holidays("GR", "", 2026)}


def test_greek_name_wins_where_two_holidays_meet():
    names = {holiday.day: holiday.name_el for holiday in holidays_of("DE", "BY", "", 2026)}
    assert names[date(2026, 1, 6)] == "Θεοφάνεια"
    assert names[date(2026, 6, 4)] == "Αγία Δωρεά"
    assert date(2026, 11, 1) in names


def test_country_without_known_holidays_keeps_the_greek_ones():
    greek = public_holidays("GR", "", 2026)
    assert public_holidays("UA", "", 2026) == public_holidays("XX", "", 2026) == []
    assert holidays_of("UA", "", "", 2026) == holidays_of("XX", "", "", 2026) == greek


def test_cyprus_speaks_greek():
    names = {holiday.day: holiday.name_el for holiday in public_holidays("CY", "", 2026)}
    assert names[date(2026, 4, 1)] == "Εθνική Ημέρα Κύπρου"


def test_movable_patron_saints_day_follows_easter():
    [day] = patron_saint_days("aigialeia", 2026)
    assert day.day == date(2026, 4, 17)
    assert day.day.strftime("%A") == "Friday"


@pytest.mark.parametrize(
    ("municipality", "days"),
    [
        ("patras", ["11-30"]),
        ("thessaloniki", ["10-26"]),
        ("heraklion", ["11-11"]),
        ("zakynthos", ["08-24", "12-17"]),
        ("volos", ["12-06"]),
        ("athens", []),
    ],
)
def test_patron_saint_days(municipality: str, days: list[str]):
    assert [holiday.day.strftime("%m-%d") for holiday in patron_saint_days(municipality, 2026)] == days


def test_patron_saints_are_of_municipalities_that_have_a_branch():
    known = {row.cells["municipality"] for row in tables.read(tables.DATA / "branches.csv")}
    saints = {row.cells["municipality"] for row in tables.read(tables.DATA / "patron_saints.csv")}
    assert saints <= known
    assert len(saints) >= 45


def test_regions_have_holidays_of_their_own():
    branches = {row.cells["code"]: row.cells["country"] for row in tables.read(tables.DATA / "branches.csv")}
    regions = holidays._regions()
    assert regions.keys() <= branches.keys()
    for code, region in regions.items():
        assert public_holidays(branches[code], region, 2027) != public_holidays(branches[code], "", 2027), code


def test_every_holiday_of_every_branch_has_both_names():
    for row in tables.read(tables.DATA / "branches.csv"):
        place = row.cells["country"], holidays._regions().get(row.cells["code"], ""), row.cells["municipality"]
        for year in (2026, 2027):
            assert all(0 < len(name) <= 200 for holiday in holidays_of(*place, year) for name in holiday[1:])
            assert len({holiday.day for holiday in holidays_of(*place, year)}) == len(holidays_of(*place, year)) >= 12
