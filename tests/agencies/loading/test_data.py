"""What the data files say, once they are loaded."""

import pytest

from agencies.models import Agency, Branch, OpeningRule, Procedure

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("all_agencies")]


def test_agencies_have_their_rules_and_stage():
    land_registry = Agency.objects.get(slug="ktimatologio")
    assert (land_registry.horizon_days, land_registry.notice_minutes, land_registry.reminders) == (
        15,
        1440,
        [1440, 120],
    )
    assert set(Agency.objects.values_list("verify_minutes", flat=True)) == {30}
    assert Agency().verify_minutes == 30
    assert set(Agency.objects.filter(stage="joining").values_list("slug", flat=True)) == {"egdix", "ynanp"}
    assert not Agency.objects.exclude(stage__in=["joining", "production"]).exists()
    hidden = Agency.objects.filter(publishes_figures=False).values_list("slug", flat=True)
    assert set(hidden) == {"synigoros", "egdix", "ynanp"}


def _luminance(colour: str) -> float:
    """Returns the relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_accents_are_distinct_and_readable_under_white():
    accents = list(Agency.objects.values_list("accent", flat=True))
    assert len(set(accents)) == 10
    assert [accent for accent in accents if 1.05 / (_luminance(accent) + 0.05) < 4.5] == []


def test_texts_are_there_in_both_languages():
    for model, fields in {
        Agency: ("name", "short_name", "description", "branch_word"),
        Procedure: ("name", "description", "documents"),
        Branch: ("name", "city"),
    }.items():
        for thing in model.objects.all():
            assert all(getattr(thing, f"{field}_{language}") for field in fields for language in ("el", "en")), thing
    for procedure in Procedure.objects.all():
        assert len(procedure.documents_el.splitlines()) == len(procedure.documents_en.splitlines())
    assert not Branch.objects.filter(country="GR", region_en="").exists()


def test_every_channel_of_a_procedure_has_opening_at_every_branch():
    rules: dict[int, list[OpeningRule]] = {}
    for rule in OpeningRule.objects.prefetch_related("procedures"):
        rules.setdefault(rule.branch_id, []).append(rule)
    for branch in Branch.objects.prefetch_related("agency__procedures"):
        for procedure in branch.agency.procedures.all():
            open_channels = {
                channel
                for rule in rules[branch.pk]
                if not rule.procedures.all() or procedure in rule.procedures.all()
                for channel in rule.channels
            }
            assert set(procedure.channels) <= open_channels, (branch.code, procedure.code)


def test_sixty_days_of_opening_make_about_seven_hundred_thousand_slots():
    slots = 0.0
    for rule in OpeningRule.objects.select_related("branch__agency"):
        hours = rule.closes_at.hour - rule.opens_at.hour + (rule.closes_at.minute - rule.opens_at.minute) / 60
        weeks = min(60, rule.branch.agency.horizon_days) / 7
        slots += weeks * len(rule.weekdays) * hours * 60 / rule.slot_minutes
    assert 650_000 < slots < 750_000


def test_consulates_of_friday_weekends_open_on_sunday():
    assert OpeningRule.objects.get(branch__code="consul-eg-cairo").weekdays == [7, 1, 2, 3, 4]
    assert OpeningRule.objects.get(branch__code="consul-au-melbourne").weekdays == [1, 2, 3, 4, 5]


def test_families_may_have_four_passport_appointments_open():
    assert Procedure.objects.get(code="consul-diavatirio").open_limit == 4
    assert Procedure.objects.get(code="efka-ofeiles").identification == Procedure.Identification.TAX_NUMBER
    assert Procedure.objects.get(code="kep-dilosi").identification == Procedure.Identification.NONE
