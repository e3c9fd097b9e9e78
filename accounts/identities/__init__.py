"""Who the owner of an account is, and how sure that is in this session."""

from django.http import HttpRequest

from accounts.models import Identity, User

# In the session: the account, and how sure the provider was that signed this session in.
PROOF = "proof"


def of(user: object) -> Identity | None:
    """Return the identity of the account, or None: without a sign-in at a provider nobody has said who its owner is."""
    if not isinstance(user, User):
        return None
    return Identity.objects.filter(user=user).first()


def note_proof(request: HttpRequest, source: str, level: str) -> None:
    """Keep in the session by which provider, and at which level, the person has signed in."""
    request.session[PROOF] = {"user": request.user.pk, "source": source, "level": level}


def proved_by(request: HttpRequest) -> str:
    """Return the id of the provider that has signed this session in, or ""."""
    return str(_proof(request).get("source", ""))


def level_of(request: HttpRequest) -> str:
    """Return the level of assurance of this session. It is "" for guests, and after a code or a password."""
    return str(_proof(request).get("level", ""))


def is_enough(level: str, needed: str) -> bool:
    """Return whether a level of assurance reaches the one that is needed. "" is no level, and needs none."""
    order = ["", *Identity.Level.values]
    return order.index(level) >= order.index(needed)


def _proof(request: HttpRequest) -> dict[str, object]:
    proof = getattr(request, "session", {}).get(PROOF) or {}
    user = getattr(request, "user", None)
    return proof if user is not None and user.is_authenticated and proof.get("user") == user.pk else {}
