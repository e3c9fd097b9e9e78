"""What a provider says about a person, and how it is kept until the person has an account."""

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from accounts.models import SUBJECT, TAX_NUMBER, Identity
from accounts.sealing import fingerprint, fingerprints, opened, sealed

IN_SESSION = "person without an account"
# The same fingerprint at every provider: so the two TAXISnets know that a citizen and an employee are one person.
TAX_NUMBER_HASH = "tax number of an identity"


@dataclass(frozen=True)
class Person:
    """A person whom a provider has just signed in. `key` names the person there, and is never stored in the clear."""

    source: str
    key: str
    level: str
    last_name: str
    first_name: str = ""
    kind: str = Identity.Kind.PERSON
    tax_number: str = ""

    def __repr__(self) -> str:
        """Tell nothing about the person: errors and logs show this."""
        return f"Person({self.source})"

    @cached_property
    def subject(self) -> str:
        """Return the hash by which the person is known here. It may be from before a change of DATA_KEY."""
        today, *older = fingerprints(f"{self.source} {self.key}", SUBJECT)
        known = Identity.objects.filter(source=self.source, subject__in=older) if older else Identity.objects.none()
        return known.values_list("subject", flat=True).first() or today

    @property
    def name(self) -> str:
        return Identity(first_name=self.first_name, last_name=self.last_name).name

    @property
    def is_business(self) -> bool:
        return self.kind == Identity.Kind.BUSINESS

    @property
    def tax_number_hash(self) -> str:
        return fingerprint(self.tax_number, TAX_NUMBER_HASH) if self.tax_number else ""

    def is_same_as(self, identity: Identity) -> bool:
        """Return whether the identity is this person's, at this provider or at another one that knows the tax number."""
        is_here = (identity.source, identity.subject) == (self.source, self.subject)
        hashes = fingerprints(self.tax_number, TAX_NUMBER_HASH) if self.tax_number else []
        return is_here or identity.tax_number_hash in hashes

    def fields(self) -> dict[str, Any]:
        """Return what an identity keeps of the person."""
        return {
            "source": self.source,
            "subject": self.subject,
            "subject_encrypted": sealed(self.key, SUBJECT),
            "kind": self.kind,
            "level": self.level,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "tax_number_encrypted": sealed(self.tax_number, TAX_NUMBER) if self.tax_number else None,
            "tax_number_hash": self.tax_number_hash,
        }

    def packed(self) -> str:
        """Return the person sealed, for the session of somebody who has no account yet."""
        return sealed(json.dumps(asdict(self)), IN_SESSION).decode()

    @classmethod
    def unpacked(cls, packed: str) -> "Person":
        return cls(**json.loads(opened(packed.encode(), IN_SESSION)))


def tax_number_of(identity: Identity | None) -> str:
    """Return the tax number that the provider has told, or ""."""
    return opened(identity.tax_number_encrypted, TAX_NUMBER) if identity and identity.tax_number_encrypted else ""
