"""Counting anew who the owners of accounts are, after a change of DATA_KEY."""

from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from accounts.identities.people import TAX_NUMBER_HASH, tax_number_of
from accounts.models import SUBJECT, Identity
from accounts.sealing import fingerprint, opened


def recount() -> int:
    """Give today's hashes to all identities that have older ones; return how many."""
    return sum(_renewed(pk) for pk in [*Identity.objects.order_by("pk").values_list("pk", flat=True)])


@transaction.atomic
def _renewed(pk: int) -> bool:
    identity = Identity.objects.select_for_update(no_key=True).filter(pk=pk).first()
    if identity is None:
        return False
    number, old = tax_number_of(identity), identity.subject
    identity.subject = fingerprint(f"{identity.source} {opened(identity.subject_encrypted, SUBJECT)}", SUBJECT)
    identity.tax_number_hash = fingerprint(number, TAX_NUMBER_HASH) if number else ""
    if identity.subject == old:
        return False
    identity.save(update_fields=["subject", "tax_number_hash"])
    SocialAccount.objects.filter(user=identity.user_id, provider=identity.source, uid=old).update(uid=identity.subject)
    return True
