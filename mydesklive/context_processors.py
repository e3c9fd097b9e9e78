from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    """What any template may ask about the place it runs in."""
    return {"demo": settings.MYDESK_DEMO, "password_sign_in": settings.PASSWORD_SIGN_IN, "site_url": settings.SITE_URL}
