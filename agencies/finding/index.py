"""Finds things by the words of their texts, in any spelling, inflected, half typed or with a typing error."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import IntEnum
from functools import lru_cache
from math import log
from typing import NamedTuple

from agencies.text import stem, words

CLOSE = 0.8  # likeness of a mistyped word, from 0 to 1: one wrong letter in five
LONG_ENOUGH = 4  # letters of a word in which a typing error can be told
ABBREVIATION = 3  # letters
POSTCODE = 2  # digits that say a place
EXACT, INFLECTED, BEGUN, MISTYPED = 1.0, 0.9, 0.6, 0.5

_words = lru_cache(maxsize=50_000)(words)


class Role(IntEnum):
    """What a text is to the thing that it describes. The value is how much a word in it counts."""

    CITY = 81
    NAME = 80
    SYNONYM = 78
    AREA = 50
    ADDRESS = 40
    UNIT = 35
    DESCRIPTION = 30
    REGION = 29
    AGENCY = 20


class Thing(NamedTuple):
    """A thing that can be found: its kind and primary key."""

    kind: str
    pk: int


class Hit(NamedTuple):
    """How well a word matches a thing, and by which of its texts."""

    score: float
    role: Role


Texts = tuple[tuple[Role, str], ...]  # each is a name or a phrase
Hits = Mapping[Thing, Hit]


class Index:
    """All words of all things."""

    def __init__(self, described: Iterable[tuple[Thing, Texts]]) -> None:
        roles: dict[str, dict[Thing, Role]] = defaultdict(dict)
        self._titles: dict[frozenset[str], set[Thing]] = defaultdict(set)
        self.number = 0
        for thing, texts in described:
            self.number += 1
            for role, text in texts:
                for word in _words(text):
                    roles[word][thing] = max(role, roles[word].get(thing, role))
                if role in (Role.NAME, Role.SYNONYM):
                    self._titles[frozenset(map(stem, _words(text)))].add(thing)
        self._roles = dict(roles)
        self._sorted = sorted(roles)
        self._inflected: dict[str, list[str]] = defaultdict(list)
        for word in self._sorted:
            self._inflected[stem(word)].append(word)
        self._close = lru_cache(maxsize=2_000)(self._close_to)

    def hits(self, word: str) -> Hits:
        """Returns the things with the word, or else with words that begin so, or else with words that look like it."""
        if word.isdigit():
            return self._scored((self._postcode(word) or word, EXACT), *((one, BEGUN) for one in self._begun(word)))
        alike = [(one, INFLECTED) for one in self._inflected.get(stem(word), ())] if self._bends(word) else []
        if word in self._roles or alike:
            return self._scored((word, EXACT), *alike)
        begun = self._begun(word)
        if begun:
            return self._scored(*((one, BEGUN) for one in begun))
        return self._scored(*((one, MISTYPED) for one in self._close(word)))

    def whole(self, asked: Iterable[str]) -> set[Thing]:
        """Returns the things with a name or synonym that has these words and no others."""
        return self._titles.get(frozenset(map(stem, asked)), set())

    def rarity(self, hits: Hits) -> float:
        """Returns how much a word with these hits tells: less, the more things have it."""
        return log(1 + self.number / (1 + len(hits)))

    def _scored(self, *alike: tuple[str, float]) -> Hits:
        found: dict[Thing, Hit] = {}
        for word, likeness in alike:
            for thing, role in self._roles.get(word, {}).items():
                found[thing] = max(Hit(role * likeness, role), found.get(thing, Hit(0, role)))
        return found

    def _bends(self, word: str) -> bool:
        """Returns whether the word may be inflected. One that is as short as an abbreviation and is known may not: ΚΕΠ, ΚΕΠΑ."""
        return len(word) > ABBREVIATION or word not in self._roles

    def _postcode(self, digits: str) -> str | None:
        """Returns the longest postcode, or beginning of postcodes, that the digits begin with."""
        return next((digits[:end] for end in range(len(digits), POSTCODE - 1, -1) if digits[:end] in self._roles), None)

    def _begun(self, beginning: str) -> list[str]:
        first = bisect_left(self._sorted, beginning)
        last = bisect_left(self._sorted, beginning + "\uffff", lo=first)
        return self._sorted[first:last]

    def _close_to(self, word: str) -> list[str]:
        if len(word) < LONG_ENOUGH:
            return []
        likely = [one for one in self._sorted if abs(len(one) - len(word)) <= len(word) // 3 and not one.isdigit()]
        return get_close_matches(word, likely, n=3, cutoff=CLOSE)
