"""A worker and a beat that live or die, never in between: each is watched from inside, and ends if it does not work."""
