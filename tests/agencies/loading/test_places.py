"""The places in the data files: each branch in Greece is in one regional unit, and postcodes and other names lead there."""

import re
from collections import defaultdict
from collections.abc import Iterable

import pytest
from django.utils import translation

from agencies.loading import tables
from agencies.text import of_city, search_key

# The regions of Greece and their regional units (law 3852/2010, in the genitive) that have branches here.
UNITS = {
    "Ανατολική Μακεδονία και Θράκη": "Δράμας Έβρου Θάσου Καβάλας Ξάνθης Ροδόπης",
    "Κεντρική Μακεδονία": "Ημαθίας Θεσσαλονίκης Κιλκίς Πέλλας Πιερίας Σερρών Χαλκιδικής",
    "Δυτική Μακεδονία": "Γρεβενών Καστοριάς Κοζάνης Φλώρινας",
    "Ήπειρος": "Άρτας Θεσπρωτίας Ιωαννίνων Πρέβεζας",
    "Θεσσαλία": "Καρδίτσας Λάρισας Μαγνησίας Σποράδων Τρικάλων",
    "Ιόνια Νησιά": "Ζακύνθου Ιθάκης Κέρκυρας Κεφαλληνίας Λευκάδας",
    "Δυτική Ελλάδα": "Αιτωλοακαρνανίας Αχαΐας Ηλείας",
    "Στερεά Ελλάδα": "Βοιωτίας Εύβοιας Ευρυτανίας Φθιώτιδας Φωκίδας",
    "Αττική": "Βόρειου_Τομέα_Αθηνών Δυτικού_Τομέα_Αθηνών Κεντρικού_Τομέα_Αθηνών Νότιου_Τομέα_Αθηνών Πειραιά Νήσων "
    "Ανατολικής_Αττικής Δυτικής_Αττικής",
    "Πελοπόννησος": "Αργολίδας Αρκαδίας Κορινθίας Λακωνίας Μεσσηνίας",
    "Βόρειο Αιγαίο": "Ικαρίας Λέσβου Λήμνου Σάμου Χίου",
    "Νότιο Αιγαίο": "Άνδρου Θήρας Καλύμνου Καρπάθου Κέας_–_Κύθνου Κω Μήλου Μυκόνου Νάξου Πάρου Ρόδου Σύρου Τήνου",
    "Κρήτη": "Ηρακλείου Λασιθίου Ρεθύμνου Χανίων",
}
# Cities abroad whose name is the same in the genitive.
INDECLINABLE = {
    *("Σίδνεϊ", "Περθ", "Σάο Πάολο", "Μόντρεαλ", "Τορόντο", "Βανκούβερ", "Ντίσελντορφ", "Ουάσιγκτον", "Λος Άντζελες"),
    *("Σαν Φρανσίσκο", "Γιοχάνεσμπουργκ", "Άμπου Ντάμπι", "Ερεβάν", "Μπουένος Άιρες", "Μπακού", "Σεράγεβο", "Σαντιάγο"),
    *("Ταλίν", "Αντίς Αμπέμπα", "Ελσίνκι", "Ζάγκρεμπ", "Τελ Αβίβ", "Αμμάν", "Τόκιο", "Ναϊρόμπι", "Σεούλ", "Κουβέιτ"),
    *("Βίλνιους", "Ραμπάτ", "Όσλο", "Ουέλινγκτον"),
}

BRANCHES = [row.cells for row in tables.read(tables.DATA / "branches.csv")]
IN_GREECE = [row for row in BRANCHES if row["country"] == "GR"]


def several(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Returns the first ones that come with more than one second."""
    seconds = defaultdict(set)
    for first, second in pairs:
        seconds[first].add(second)
    return {first: found for first, found in seconds.items() if len(found) > 1}


def test_every_branch_in_greece_is_in_a_unit_of_its_region() -> None:
    units = {region: {unit.replace("_", " ") for unit in text.split()} for region, text in UNITS.items()}
    assert [row["code"] for row in IN_GREECE if row["unit_el"] not in units.get(row["region_el"], ())] == []
    assert {unit for known in units.values() for unit in known} == {row["unit_el"] for row in IN_GREECE}


@pytest.mark.parametrize("column", ["unit_el", "unit_en", "region_el", "municipality", "areas", "postcodes"])
def test_branches_of_a_city_are_at_one_place(column: str) -> None:
    assert several((row["city_el"], row[column]) for row in IN_GREECE) == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [("unit_el", "region_el"), ("unit_el", "unit_en"), ("unit_en", "unit_el"), ("municipality", "unit_el")],
)
def test_names_of_places_go_together(one: str, other: str) -> None:
    assert several((row[one], row[other]) for row in IN_GREECE) == {}


def test_postcodes_have_the_form_of_greek_ones_and_lead_to_one_unit() -> None:
    codes = {(code, row["unit_el"]) for row in IN_GREECE for code in row["postcodes"].split(";")}
    assert [code for code, _ in codes if not re.fullmatch(r"[1-8]\d{1,4}", code)] == []
    pairs = ((one, unit) for one, _ in codes for code, unit in codes if code.startswith(one))
    assert several(pairs) == {}


def test_no_other_name_of_a_place_leads_to_two_units() -> None:
    named = ((search_key(area), row["unit_el"]) for row in IN_GREECE for area in row["areas"].split(";") if area)
    assert several(named) == {}


@translation.override("el")
def test_cities_abroad_are_declined_or_known_not_to_be() -> None:
    cities = {row["city_el"] for row in BRANCHES if row["country"] != "GR"}
    assert {city for city in cities if of_city(city) == city} == INDECLINABLE
