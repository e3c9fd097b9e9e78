"""What the portal's search finds, in any spelling: services, agencies and branches."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from agencies.models import Agency, Branch, Procedure
from agencies.text import search_key

MAX_BRANCHES = 20
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
    """Everything that has each word of the query; services that have them in their name come first. Two queries."""
    words = search_key(query).split()
    if not words:
        return Found([], [], [])
    return Found(
        agencies=[agency for agency in agencies if _has(words, _agency_texts(agency))],
        procedures=_procedures(words),
        branches=list(Branch.objects.open().matching(query).select_related("agency")[:MAX_BRANCHES]),
    )


def _procedures(words: list[str]) -> list[Procedure]:
    offered = Procedure.objects.offered().select_related("agency")
    found = [procedure for procedure in offered if _has(words, _procedure_texts(procedure))]
    return sorted(found, key=lambda procedure: not _has(words, (procedure.name_el, procedure.name_en)))


def _has(words: list[str], texts: Iterable[str]) -> bool:
    key = " ".join(_key(text) for text in texts)
    return all(word in key for word in words)


def _agency_texts(agency: Agency) -> tuple[str, ...]:
    return agency.platform, agency.name_el, agency.name_en, agency.short_name_el, agency.short_name_en


def _procedure_texts(procedure: Procedure) -> tuple[str, ...]:
    texts = procedure.name_el, procedure.name_en, procedure.description_el, procedure.description_en
    return (*texts, procedure.agency.short_name_el, procedure.agency.short_name_en)
