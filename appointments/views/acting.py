"""Who acts on a citizen's page: the signed-in citizen, or a guest."""

from django.http import HttpRequest

from accounts.models import User
from appointments.history import Actor, By


def visitor(request: HttpRequest) -> Actor:
    page = request.resolver_match.view_name if request.resolver_match else ""
    if isinstance(request.user, User):
        return Actor(By.CITIZEN, request.user, page)
    return Actor(By.GUEST, page=page)
