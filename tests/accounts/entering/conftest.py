from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.servers import identity
from tests.servers.identity import CLIENT_ID, SECRET, Provider


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    """TAXISnet, that of public employees, and a provider of OpenID Connect."""
    with identity.running() as provider:
        settings.TAXISNET_URL = f"{provider.url}/oauth2serverotp"
        settings.TAXISNET_STAFF_URL = f"{provider.url}/oauth2servergov"
        settings.OIDC_URL = f"{provider.url}/oidc"
        for name in ("TAXISNET", "TAXISNET_STAFF", "OIDC"):
            setattr(settings, f"{name}_CLIENT_ID", CLIENT_ID)
            setattr(settings, f"{name}_SECRET", SECRET)
        yield provider
