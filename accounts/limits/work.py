"""A puzzle that a browser solves by itself in a few seconds, and that makes many requests dear for a program.

It is ALTCHA's: the browser looks for the counter whose key begins as we say. Nobody else is asked, and nothing is stored
about who solved it. A solution is good for one thing, once, and for a few minutes.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import altcha

from accounts.limits import DatabaseLimit
from accounts.sealing import fingerprint, key_for

# Iterations of each try, and how many tries the solution takes. A phone of some years ago needs about ten seconds for the most.
COST, FEWEST, MOST = 5_000, 200, 600
ALGORITHM = "PBKDF2/SHA-256"
VALID = timedelta(minutes=10)
LONGEST = 4_000  # characters of a solution as it is sent
ONCE = DatabaseLimit("work", 1, 24 * 3600)
_FOR, _KEY = "proof of work", "key of a proof of work"


def puzzle(thing: str, *, now: datetime) -> str:
    """Return a new puzzle for this thing, as JSON for the browser."""
    made = altcha.create_challenge(
        ALGORITHM,
        COST,
        counter=FEWEST + secrets.randbelow(MOST - FEWEST + 1),
        expires_at=int((now + VALID).timestamp()),
        data={"for": fingerprint(thing, _FOR)},
        hmac_secret=key_for(_FOR),
        hmac_key_secret=key_for(_KEY),
    )
    return json.dumps(made.to_dict())


@dataclass(frozen=True)
class Proof:
    """What a browser has sent as the solution of a puzzle. Anything may stand in it."""

    sent: str

    def is_for(self, thing: str, *, now: datetime) -> bool:
        """Return whether it solves a puzzle for this thing, in time and for the first time. Ask outside of a transaction."""
        if not 0 < len(self.sent) <= LONGEST:
            return False
        try:
            payload = altcha.Payload.from_base64(self.sent)
            signed = payload.challenge.parameters
            expires_at = datetime.fromtimestamp(signed.expires_at or 0, UTC)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError, OSError):
            return False
        solved = altcha.verify_solution(payload, key_for(_FOR), hmac_key_secret=key_for(_KEY)).verified
        if not solved or now >= expires_at or (signed.data or {}).get("for") != fingerprint(thing, _FOR):
            return False
        # By the day of its end, which is the same however often it is sent.
        return not ONCE.passed(payload.challenge.signature or "", now=expires_at)
