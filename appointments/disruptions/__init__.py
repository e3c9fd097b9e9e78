"""The verbs of disruptions: close times that cannot be kept, and offer other times to the citizens."""

from appointments.disruptions.closing import start
from appointments.disruptions.fallout import affected, because_of, replacements_for
from appointments.disruptions.keeping import Kept, foresee, keep_promises
from appointments.disruptions.looking_after import look_after

__all__ = ["Kept", "affected", "because_of", "foresee", "keep_promises", "look_after", "replacements_for", "start"]
