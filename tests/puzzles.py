"""Solves the puzzles of `accounts.limits.work`, as a browser does."""

import json

import altcha


def solution_of(puzzle: str) -> str:
    challenge = altcha.Challenge.from_dict(json.loads(puzzle))
    solution = altcha.solve_challenge(challenge)
    assert solution is not None
    return altcha.Payload(challenge, solution).to_base64()
