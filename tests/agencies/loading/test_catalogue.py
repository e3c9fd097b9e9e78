import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from agencies.loading import tables
from agencies.loading.catalogue import Tally, load_agencies
from agencies.loading.tables import TableError
from agencies.models import Agency, Branch, OpeningRule, Procedure, Synonym

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the data files, which a test can break."""
    for path in tables.DATA.glob("*.csv"):
        shutil.copy(path, tmp_path)
    return tmp_path


def edit(folder: Path, name: str, row: int, old: str, new: str) -> None:
    lines = (folder / name).read_text(encoding="utf-8").splitlines(keepends=True)
    assert old in lines[row - 1]
    lines[row - 1] = lines[row - 1].replace(old, new, 1)
    (folder / name).write_text("".join(lines), encoding="utf-8")


def loaded_from(folder: Path, capsys: pytest.CaptureFixture[str], **options: bool) -> str:
    call_command("load_agencies", folder=folder, **options)
    return capsys.readouterr().out


def refusal_of(folder: Path) -> list[str]:
    """Returns the error lines of the command, and checks that it has written nothing."""
    with pytest.raises(CommandError) as refused:
        call_command("load_agencies", folder=folder)
    assert not Agency.objects.exists()
    *errors, last = str(refused.value).splitlines()
    assert last == "Nothing was loaded."
    return errors


def test_loading_creates_everything_once(capsys: pytest.CaptureFixture[str]):
    out = loaded_from(tables.DATA, capsys)
    assert (Agency.objects.count(), Procedure.objects.count(), Branch.objects.count()) == (10, 48, 483)
    assert "branches.csv: 483 created, 0 updated, 0 unchanged\n" in out
    assert "Nothing changed." not in out


def test_loading_twice_changes_nothing_and_says_so(capsys: pytest.CaptureFixture[str]):
    loaded_from(tables.DATA, capsys)
    before = [list(model.objects.order_by("pk").values()) for model in (Agency, Branch, Procedure, OpeningRule)]
    out = loaded_from(tables.DATA, capsys)
    assert [list(model.objects.order_by("pk").values()) for model in (Agency, Branch, Procedure, OpeningRule)] == before
    assert "branches.csv: 0 created, 0 updated, 483 unchanged\n" in out
    assert out.endswith("Nothing changed.\n")


def test_loading_keeps_what_staff_changed(capsys: pytest.CaptureFixture[str]):
    load_agencies()
    Branch.objects.filter(code="kep-chania").update(name_el="ΚΕΠ Χανίων", address_el="Κυδωνίας 29", phone="28210")
    out = loaded_from(tables.DATA, capsys)
    assert "branches.csv: 0 created, 0 updated, 482 unchanged, 1 differ and were kept (--update overwrites them)" in out
    assert Branch.objects.get(code="kep-chania").name_el == "ΚΕΠ Χανίων"


def test_loading_with_update_overwrites_the_columns_of_the_file_only(capsys: pytest.CaptureFixture[str]):
    load_agencies()
    Branch.objects.filter(code="kep-chania").update(name_el="ΚΕΠ Χανίων", address_el="Κυδωνίας 29")
    out = loaded_from(tables.DATA, capsys, update=True)
    branch = Branch.objects.get(code="kep-chania")
    assert "branches.csv: 0 created, 1 updated, 482 unchanged\n" in out
    assert (branch.name_el, branch.address_el) == ("ΚΕΠ Δήμου Χανίων", "Κυδωνίας 29")


def test_loading_creates_a_branch_that_is_new_with_its_rules(folder: Path):
    load_agencies()
    line = (
        "kep,kep-elafonisos,ΚΕΠ Δήμου Ελαφονήσου,KEP – Municipality of Elafonisos,Ελαφόνησος,Elafonisos,Πελοπόννησος,"
    )
    with (folder / "branches.csv").open("a", encoding="utf-8") as file:
        file.write(
            line + "Peloponnese,Λακωνίας,Laconia,Νεάπολη Βοιών,23053,elafonisos,GR,Europe/Athens,36.5106,22.9781\n"
        )
    tallies = load_agencies(folder)
    assert tallies["branches.csv"] == Tally(created=1, unchanged=483)
    assert tallies["opening_rules.csv"].created == 1
    assert Branch.objects.get(code="kep-elafonisos").opening_rules.count() == 1


def test_rules_are_staffs_own_once_they_are_there(folder: Path):
    load_agencies()
    OpeningRule.objects.filter(branch__code="kep-chania").update(desks=7)
    assert load_agencies(folder, update=True)["opening_rules.csv"].created == 0
    assert set(OpeningRule.objects.filter(branch__code="kep-chania").values_list("desks", flat=True)) == {7}


def test_all_errors_of_a_file_come_at_once_with_their_rows(folder: Path):
    edit(folder, "branches.csv", 17, "Europe/Athens", "Europe/Athen")
    edit(folder, "branches.csv", 18, "kep,", "kpe,")
    edit(folder, "branches.csv", 20, "GR", "Greece")
    assert refusal_of(folder) == [
        "branches.csv, row 17: timezone: “Europe/Athen” is not a time zone, for example Europe/Athens.",
        "branches.csv, row 18: agency_slug: “kpe” is not an agency",
        "branches.csv, row 20: country: Enter a valid value.",
        "branches.csv, row 20: country: Ensure this value has at most 2 characters (it has 6).",
    ]


@pytest.mark.parametrize(
    ("spoiled", "error"),
    [
        (("agencies.csv", 3, "#0f6b5c", "green"), "agencies.csv, row 3: accent: Enter a valid value."),
        (("agencies.csv", 3, "myKEPlive", "myAADElive"), "agencies.csv, row 3: platform: “myAADElive” is in row 2 too"),
        (("agencies.csv", 2, ",yes,", ",maybe,"), "row 2: publishes_figures: “maybe” value must be either"),
        (("agencies.csv", 7, "1440;120", "1440;two"), "row 7: reminders: “two” value must be an integer."),
        (("agencies.csv", 7, ",1440,480,", ",day,480,"), "row 7: lead_minutes: “day” value must be an integer."),
        (("agencies.csv", 1, "accent", "colour"), "agencies.csv: column “colour” is unknown"),
        (("procedures.csv", 1, "agency_slug", "mitos_id"), "procedures.csv: column “agency_slug” is missing"),
        (("procedures.csv", 4, ",20,", ",twenty,"), "row 4: duration_minutes: “twenty” value must be an integer."),
        (("procedures.csv", 4, "video", "fax"), "row 4: channels: Item 2 in the array did not validate"),
        (("procedures.csv", 4, "aade-mitroo", "aade-afm"), "row 4: code: “aade-afm” is in row 2 too"),
        (("branches.csv", 9, ",41.2667", ""), "branches.csv, row 9: has 16 cells, expected 17"),
        (("opening_rules.csv", 2, "17:00", "07:00"), "row 2: The opening must end after it starts."),
        (("opening_rules.csv", 3, "aade-mitroo", "kep-dilosi"), "row 3: procedures: “kep-dilosi” is not a service of"),
        (("opening_rules.csv", 5, "kep-athens", "kep-atlantis"), "row 5: branches: “kep-atlantis” is not a branch of"),
        (("opening_rules.csv", 2, "aade,", "eeda,"), "row 2: agency_slug: “eeda” has no branch for this row"),
    ],
)
def test_error_names_the_file_the_row_and_the_column(folder: Path, spoiled: tuple[str, int, str, str], error: str):
    edit(folder, *spoiled)
    assert error in "\n".join(refusal_of(folder))


def test_missing_file_is_refused(folder: Path):
    (folder / "branches.csv").unlink()
    assert "branches.csv: cannot be read" in refusal_of(folder)[0]


def test_file_in_another_encoding_is_refused(folder: Path):
    (folder / "branches.csv").write_bytes("κωδικός".encode("iso-8859-7"))
    assert "branches.csv: cannot be read" in refusal_of(folder)[0]


def test_file_from_a_spreadsheet_with_a_mark_and_empty_lines_loads(folder: Path):
    text = (folder / "agencies.csv").read_text(encoding="utf-8").replace("\n", "\r\n")
    (folder / "agencies.csv").write_text(text + ",,,\r\n\r\n", encoding="utf-8-sig", newline="")
    assert load_agencies(folder)["agencies.csv"].created == 10


def test_empty_file_is_refused(tmp_path: Path):
    (tmp_path / "agencies.csv").touch()
    with pytest.raises(TableError, match="is empty"):
        load_agencies(tmp_path)


def test_loading_words_adds_what_is_missing_and_keeps_what_staff_changed(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    out = loaded_from(folder, capsys)
    number = Synonym.objects.count()
    assert f"synonyms.csv: {number} created" in out
    Synonym.objects.filter(code="passport").update(words="πάσο")
    Synonym.objects.filter(code="doctor").delete()
    assert f"synonyms.csv: 1 created, 0 updated, {number - 1} unchanged" in loaded_from(folder, capsys)
    assert Synonym.objects.get(code="passport").words == "πάσο"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("aade,aade-kleidarithmos", "atlantis,aade-kleidarithmos", "“atlantis” is not an agency"),
        ("aade,aade-kleidarithmos", "aade,aade-nothing", "“aade-nothing” is not a service"),
        ("aade,aade-kleidarithmos", "kep,aade-kleidarithmos", "This service belongs to another agency."),
    ],
)
def test_error_in_a_word_names_its_row_and_nothing_is_loaded(folder: Path, old: str, new: str, expected: str):
    edit(folder, "synonyms.csv", 2, old, new)
    assert refusal_of(folder) == [f"synonyms.csv, row 2: {expected}"]
