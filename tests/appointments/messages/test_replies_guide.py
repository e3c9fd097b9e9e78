"""The example of the operators' guide, run as it stands there."""

import json
import subprocess
from pathlib import Path

import pytest
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer

from appointments.models import ReceivedSms

SECRET = "k8Jq2mVx7Zt4Wc9Rb6Ny3Hd5Lf1Ps0Ga"


@pytest.mark.django_db(transaction=True)
@override_settings(SMS_HOOK_SECRET=SECRET)
def test_example_of_the_guide_is_taken(live_server: LiveServer) -> None:
    guide = Path("docs/operations.md").read_text()
    example = next(part for part in guide.split("```bash\n")[1:] if "X-MyDesk-Signature" in part).partition("```")[0]
    environment = {"PATH": "/usr/bin:/bin", "SITE_URL": live_server.url, "SMS_HOOK_SECRET": SECRET}
    done = subprocess.run(["bash", "-c", example], env=environment, capture_output=True, check=True, timeout=60)
    assert json.loads(done.stdout) == {"outcome": "unknown"}
    assert ReceivedSms.objects.count() == 1
