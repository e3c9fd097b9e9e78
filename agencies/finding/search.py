"""The portal's search. It finds services, agencies and branches in any spelling."""

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, reduce

from django.db.models import Q

from agencies.models import Agency, Branch, Procedure
from agencies.text import search_key

MAX_BRANCHES = 20
SHORTEST_WORD = 4  # letters of a word that means something by itself, unlike «στα» or "in"
_key = lru_cache(maxsize=20_000)(search_key)


@dataclass(frozen=True, slots=True)
class Found:
    agencies: list[Agency]
    procedures: list[Procedure]
    branches: list[Branch]

    @property
    def number(self) -> int:
        return len(self.agencies) + len(self.procedures) + len(self.branches)


def find(query: str, agencies: Iterable[Agency]) -> Found:
    """Finds everything that contains all words of the query. Services with the words in their name come first.

    If nothing contains all words, as with "passport melbourne", it finds the services and branches with some of them.
    Takes two queries, or four.
    """
    words = search_key(query).split()
    if not words:
        return Found([], [], [])
    found = Found(
        agencies=[agency for agency in agencies if _has(words, _agency_texts(agency))],
        procedures=_procedures(words),
        branches=list(Branch.objects.open().matching(query).select_related("agency")[:MAX_BRANCHES]),
    )
    telling = [word for word in words if len(word) >= SHORTEST_WORD]
    return found if found.number or len(words) == 1 or not telling else _with_some(telling)


def _with_some(words: list[str]) -> Found:
    """Finds services and branches with any of the words. Those with the most words come first."""
    offered = Procedure.objects.offered().select_related("agency")
    named = [(_number(words, (one.name_el, one.name_en)), one) for one in offered]
    procedures = sorted((pair for pair in named if pair[0]), key=lambda pair: -pair[0])
    has_any = reduce(operator.or_, (Q(search_text__contains=word) for word in words))
    branches = Branch.objects.open().filter(has_any).select_related("agency")
    ranked = sorted(branches, key=lambda branch: -sum(word in branch.search_text for word in words))
    return Found([], [procedure for _rank, procedure in procedures], ranked[:MAX_BRANCHES])


def _procedures(words: list[str]) -> list[Procedure]:
    offered = Procedure.objects.offered().select_related("agency")
    found = [procedure for procedure in offered if _has(words, _procedure_texts(procedure))]
    return sorted(found, key=lambda procedure: not _has(words, (procedure.name_el, procedure.name_en)))


def _has(words: list[str], texts: Iterable[str]) -> bool:
    return _number(words, texts) == len(words)


def _number(words: list[str], texts: Iterable[str]) -> int:
    """Returns the number of words that the texts contain."""
    key = " ".join(_key(text) for text in texts)
    return sum(word in key for word in words)


def _agency_texts(agency: Agency) -> tuple[str, ...]:
    return agency.platform, agency.name_el, agency.name_en, agency.short_name_el, agency.short_name_en


def _procedure_texts(procedure: Procedure) -> tuple[str, ...]:
    texts = procedure.name_el, procedure.name_en, procedure.description_el, procedure.description_en
    return (*texts, procedure.agency.short_name_el, procedure.agency.short_name_en)
