"""Which video providers an agency may choose together."""

import pytest
from django.core.exceptions import ValidationError
from django.forms import modelform_factory

from agencies.forms import AgencyForm
from agencies.models import Agency
from tests.builders import an_agency

FIELDS = ("video_provider", "video_fallback", "video_link")


def errors(**chosen: str) -> set[str]:
    form = modelform_factory(Agency, AgencyForm, fields=FIELDS)({"video_provider": "jitsi", **chosen})
    return set(form.errors)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("chosen", "wrong"),
    [
        ({}, set()),
        ({"video_fallback": "room"}, set()),
        ({"video_fallback": "jitsi"}, {"video_fallback"}),
        ({"video_fallback": "link"}, {"video_link"}),
        ({"video_provider": "link"}, {"video_link"}),
        ({"video_provider": "link", "video_link": "https://meet.example.org/kep"}, set()),
        ({"video_provider": "link", "video_link": "https://meet.example.org/{room}?lang=el"}, set()),
    ],
)
def test_choices_have_to_fit_together(chosen: dict[str, str], wrong: set[str]) -> None:
    assert errors(**chosen) == wrong


@pytest.mark.django_db
@pytest.mark.parametrize(
    "link",
    ["http://meet.example.org/", "javascript:alert(1)", "https://x.example.org/{name}", "https://x.org/{room}{room}"],
)
def test_address_is_one_through_tls_with_one_room_at_most(link: str) -> None:
    with pytest.raises(ValidationError) as caught:
        an_agency(video_link=link).full_clean()
    assert "video_link" in caught.value.message_dict
