"""The addresses of kiosk and screen, for supervisors."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from agencies.models import Branch
from appointments.models import Queue
from tests.builders import a_branch, an_officer

pytestmark = pytest.mark.django_db

ADDRESS = "/admin/appointments/appointment/screens/"


def test_addresses_open_the_pages_without_a_sign_in(supervisor: Client, branch: Branch):
    page = supervisor.get(ADDRESS).content.decode()
    queue = Queue.objects.get(branch=branch)
    for address in (f"/kiosk/{queue.kiosk_key}/", f"/display/{queue.display_key}/"):
        assert f'{address}"' in page
        assert Client().get(address).status_code == 200


def test_new_address_replaces_one_and_leaves_the_other(supervisor: Client, branch: Branch):
    supervisor.get(ADDRESS)
    old = Queue.objects.get(branch=branch)
    page = supervisor.post(f"{ADDRESS}?branch={branch.code}", {"renew": "display"}, follow=True).content.decode()
    new = Queue.objects.get(branch=branch)
    assert (new.kiosk_key, new.display_key in page) == (old.kiosk_key, True)
    assert Client().get(f"/display/{old.display_key}/").status_code == 404
    assert LogEntry.objects.get().change_message == "Screen: made a new address"


def test_other_branches_and_made_up_keys_are_out_of_reach(supervisor: Client, branch: Branch):
    other = Queue.objects.create(branch=a_branch(branch.agency, "kep-souda"))
    assert supervisor.get(f"{ADDRESS}?branch=kep-souda").status_code == 404
    assert supervisor.post(f"{ADDRESS}?branch=kep-souda", {"renew": "kiosk"}).status_code == 404
    assert Queue.objects.get(branch=other.branch).kiosk_key == other.kiosk_key
    own = Queue.objects.create(branch=branch)
    supervisor.post(ADDRESS, {"renew": "day"})
    assert Queue.objects.get(branch=branch).kiosk_key == own.kiosk_key


def test_officers_without_the_role_see_no_addresses(client: Client, branch: Branch):
    client.force_login(an_officer(branch))
    assert client.get(ADDRESS).status_code == 403
    assert "screens/" not in client.get("/admin/appointments/appointment/day/").content.decode()


def test_menu_leads_supervisors_there(supervisor: Client):
    assert ADDRESS in supervisor.get("/admin/appointments/appointment/day/").content.decode()
