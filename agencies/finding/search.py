"""The search of the portal. It finds services, agencies and branches, and says what is not booked here."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, F, Func, TextField, Value
from django.db.models.functions import Cast

from agencies.finding.index import INFLECTED, Index, Role, Texts, Thing
from agencies.models import Agency, Branch, Procedure, Synonym
from agencies.models.branch import BranchQuerySet
from agencies.text import country_name, folded, in_language, language_now, stem, words

SHOWN = 20  # branches on the page at first
PART = 0.5  # of what the query says: a service that answers less is no answer
UNKNOWN = 0.5  # of its weight: a word that no text has may say nothing that matters, like «ανηλίκου» after «διαβατήριο»
WHOLE = 100  # added for a title or synonym that is the whole query
AGENCY, SERVICE, BRANCH = "agency", "service", "branch"
# Texts that say where a branch is, and not what it is.
PLACE = {Role.CITY, Role.AREA, Role.ADDRESS, Role.UNIT, Role.REGION}
WIDE = {Role.UNIT, Role.REGION}
TITLE = {Role.NAME, Role.SYNONYM}
# What people write before the name of a regional unit.
UNIT_EL, UNIT_EN = "νομός περιφερειακή ενότητα", "regional unit prefecture"
# Words that say nothing about what is sought.
_SMALL_WORDS = frozenset(
    words(
        """ο η το οι τα του της των τον την τους τις στο στη στην στον στα στις στους σε με για από και να θα μου μας ένα
        μια ένας που πού πώς πως πότε τι θέλω χρειάζομαι κλείσω κλείσιμο ραντεβού βγάλω κάνω έκδοση ανανέωση αντίγραφο κοντά
        a an the in at of for to and my i need want how get book booking appointment appointments near new renewal issue"""
    )
)
_SPLIT_POSTCODE = re.compile(r"\b(\d{3})\s(\d{2})\b")


class AgencyRow(NamedTuple):
    pk: int
    names: tuple[str, ...]


class ServiceRow(NamedTuple):
    pk: int
    agency_id: int
    names: tuple[str, ...]
    descriptions: tuple[str, ...]


class SynonymRow(NamedTuple):
    agency_id: int | None
    procedure_id: int | None
    phrases: tuple[str, ...]


class BranchRow(NamedTuple):
    """What the index needs of a branch. Reading only this is several times faster than reading whole branches."""

    pk: int
    agency_id: int
    country: str
    name_el: str
    name_en: str
    city_el: str
    city_en: str
    address_el: str
    address_en: str
    is_illustrative: bool
    unit_el: str
    unit_en: str
    region_el: str
    region_en: str
    areas_text: str
    postcodes_text: str


AgencyNames = Mapping[int, tuple[str, ...]]
Scores = dict[int, float]


@dataclass(frozen=True, slots=True)
class Found:
    """What a query finds, best first. `branches` are the first ones of `branch_count`.

    `notes` say what is not booked here. `not_there` is true if no branch of the services is at the place that was named.
    """

    agencies: list[Agency] = field(default_factory=list)
    procedures: list[Procedure] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    branch_count: int = 0
    notes: list[Synonym] = field(default_factory=list)
    not_there: bool = False

    @property
    def number(self) -> int:
        return len(self.agencies) + len(self.procedures) + self.branch_count

    @property
    def agency_first(self) -> bool:
        """Whether the query names one agency, and not a service of it."""
        return len(self.agencies) == 1 and all(one.agency_id == self.agencies[0].pk for one in self.procedures)

    @property
    def services(self) -> list[tuple[Procedure, Branch | None]]:
        """Returns the services, each with the branch where it is sought, if its agency has only one at the place."""
        return [(procedure, self._only_branch(procedure.agency_id)) for procedure in self.procedures]

    def _only_branch(self, agency: int) -> Branch | None:
        own = [branch for branch in self.branches if branch.agency_id == agency]
        return own[0] if len(own) == 1 and self.branch_count == len(self.branches) else None


def find(query: str, agencies: Sequence[Agency], limit: int | None = SHOWN) -> Found:
    """Finds what has all words of the query, in any spelling. Words in names count most.

    In "passport melbourne", where nothing has all words, those that name a place say where, and the others what.
    `limit` is the number of branches returned. Takes four queries.
    """
    asked = _asked(query)
    if not asked:
        return Found()
    synonyms = list(Synonym.objects.in_use())
    procedures = {one.pk: one for one in Procedure.objects.offered().select_related("agency")}
    rows = _rows(Branch.objects.open())
    index = _index(
        tuple(AgencyRow(one.pk, _agency_names(one)) for one in agencies),
        tuple(ServiceRow(one.pk, one.agency_id, *_texts(one)) for one in procedures.values()),
        tuple(SynonymRow(one.agency_id, one.procedure_id, tuple(one.phrases)) for one in synonyms if not one.note_el),
        rows,
    )
    notes, left = _noted(asked, synonyms)
    answer = _Answer(index, left or asked, {pk: one.agency_id for pk, one in procedures.items()}, rows)
    by_pk = {agency.pk: agency for agency in agencies}
    if notes and not left:
        named = {note.agency_id: by_pk[note.agency_id] for note in notes if note.agency_id in by_pk}
        return Found(list(named.values()), [procedures[pk] for pk in answer.services_by_title], notes=notes)
    shown = Branch.objects.select_related("agency").in_bulk(answer.branches[:limit])
    return Found(
        agencies=[by_pk[pk] for pk in answer.agencies],
        procedures=[procedures[pk] for pk in answer.services],
        branches=[shown[pk] for pk in answer.branches[:limit]],
        branch_count=len(answer.branches),
        notes=notes,
        not_there=answer.not_there,
    )


def within(branches: BranchQuerySet, query: str) -> BranchQuerySet:
    """Returns those of the branches at the place, or with the name, that the query says, or all if it says nothing.

    Takes one query.
    """
    asked = _asked(query)
    if not asked:
        return branches
    rows = _rows(branches)
    return branches.filter(pk__in=_Answer(_index((), (), (), rows), asked, {}, rows).branches)


def ranked(branches: BranchQuerySet, query: str) -> BranchQuerySet:
    """Returns those that `within` returns, best first: a branch in the town that is typed is before one near it.

    Among them, names and cities that are written as typed are first: «χαν» sounds like the beginning of «Ξάνθη» too.
    """
    asked = _asked(query)
    if not asked:
        return branches
    rows = _rows(branches)
    found = _Answer(_index((), (), (), rows), asked, {}, rows).branches
    written = {row.pk for row in rows if _is_written(query, row.name_el, row.name_en, row.city_el, row.city_en)}
    best_first = sorted(found, key=lambda pk: pk not in written)
    place = Func(Value(best_first, ArrayField(BigIntegerField())), F("pk"), function="array_position")
    return branches.filter(pk__in=found).order_by(place)


def place_found(branch: Branch, query: str) -> str:
    """Returns the place by which the query finds the branch, or nothing if the name of the branch says it."""
    left = [word for word in _asked(query) if not _says(branch.name_el + " " + branch.name_en, word)]
    places = (branch.city, *branch.areas, *branch.postcodes, in_language(branch, "unit", language_now()), branch.region)
    return next((place for place in places if any(_says(place, word) for word in left)), "")


def _says(text: str, word: str) -> bool:
    """Returns whether a word of the text begins with this one, or is an inflection of it."""
    return any(one.startswith(word) or stem(one) == stem(word) for one in words(text))


def _is_written(query: str, *texts: str) -> bool:
    """Returns whether each word of the query begins a word of the texts, letter by letter."""
    every = folded(" ".join(texts)).split()
    return all(any(word.startswith(typed) for word in every) for typed in folded(query).split())


class _Answer:
    """What the words of a query match: everything that has all of them, or else the services with some at a place."""

    def __init__(
        self, index: Index, asked: list[str], agency_of_service: Mapping[int, int], rows: Iterable[BranchRow]
    ) -> None:
        self._index, self._asked = index, asked
        self._agency_of_service = agency_of_service
        self._rows = {row.pk: row for row in rows}
        self._hits = {word: index.hits(word) for word in asked}
        self._whole = index.whole(asked)
        self._full = set.intersection(*(set(hits) for hits in self._hits.values()))
        named = [] if self._full else [word for word in self._hits if self._is_place(word)]
        self._what = [word for word in self._hits if word not in named]
        self._where = named if not self._full else list(self._hits)

    @cached_property
    def services(self) -> list[int]:
        """Returns the services, best first. Those that only belong to a matching agency count if there are no others."""
        found = self._with_all(SERVICE, self._what) or self._with_most()
        own = {pk: score for pk, score in found.items() if self._role(Thing(SERVICE, pk), self._what) > Role.AGENCY}
        return _best(own or found)

    @cached_property
    def services_by_title(self) -> list[int]:
        """Returns the services that have all words in their names or synonyms, typed without an error."""
        found = self._with_all(SERVICE, list(self._hits))
        return _best({pk: score for pk, score in found.items() if self._is_title(Thing(SERVICE, pk))})

    @cached_property
    def agencies(self) -> list[int]:
        return [] if self._is_service_alone else _best(self._with_all(AGENCY, self._what))

    @cached_property
    def branches(self) -> list[int]:
        """Returns the branches, best first: those of the services and agencies found, if the query names some."""
        if self._is_service_alone:
            return []
        found = self._with_all(BRANCH, self._where)
        if not self._full:
            found = found or self._with_any(BRANCH, self._where)
        if not self._full and (allowed := self._allowed):
            found = {pk: score for pk, score in found.items() if self._rows[pk].agency_id in allowed}
        found = self._at_the_very_place(found)
        return sorted(found, key=lambda pk: (-found[pk], folded(self._rows[pk].city_el), pk))

    @property
    def not_there(self) -> bool:
        """Whether the query names a place where the services found have no branch."""
        return bool(not self._full and self._where and self._allowed and not self.branches)

    @property
    def _allowed(self) -> set[int]:
        return {self._agency_of_service[pk] for pk in self.services} | set(self.agencies)

    @property
    def _is_service_alone(self) -> bool:
        """Whether the query is the title of services, or a synonym of theirs, and of nothing else."""
        return {thing.kind for thing in self._whole} == {SERVICE}

    def _is_place(self, word: str) -> bool:
        """Returns whether the word says where: it is in texts about places, and not in a service's or agency's title."""
        hits = self._hits[word]
        if not any(thing.kind == BRANCH for thing in hits):
            return False
        titles = any(hit.role in TITLE for thing, hit in hits.items() if thing.kind != BRANCH)
        return not titles or any(hit.role == Role.CITY for thing, hit in hits.items() if thing.kind == BRANCH)

    def _with_all(self, kind: str, asked: list[str]) -> Scores:
        if not asked:
            return {}
        having = set.intersection(*(set(self._hits[word]) for word in asked))
        return {thing.pk: self._score(thing, asked) for thing in having if thing.kind == kind}

    def _with_any(self, kind: str, asked: list[str]) -> Scores:
        having = {thing for word in asked for thing in self._hits[word] if thing.kind == kind}
        return {thing.pk: self._score(thing, asked) for thing in having}

    def _with_most(self) -> Scores:
        """Returns the services with the words that tell most, at least one of them in the title."""
        weights = {
            word: self._index.rarity(self._hits[word]) * (1 if self._hits[word] else UNKNOWN) for word in self._what
        }
        enough = PART * sum(weights.values())
        found: Scores = {}
        for pk, score in self._with_any(SERVICE, self._what).items():
            thing = Thing(SERVICE, pk)
            matched = [word for word in self._what if thing in self._hits[word]]
            if sum(weights[word] for word in matched) >= enough and self._role(thing, matched) in TITLE:
                found[pk] = score
        return found

    def _score(self, thing: Thing, asked: list[str]) -> float:
        score = sum(self._hits[word][thing].score for word in asked if thing in self._hits[word])
        return score + WHOLE * (thing in self._whole)

    def _role(self, thing: Thing, asked: list[str]) -> Role:
        return max(self._hits[word][thing].role for word in asked if thing in self._hits[word])

    def _is_title(self, thing: Thing) -> bool:
        hits = [hits[thing] for hits in self._hits.values()]
        return all(hit.role in TITLE and hit.score >= hit.role * INFLECTED for hit in hits)

    def _at_the_very_place(self, found: Scores) -> Scores:
        """Leaves out the rest of a regional unit or region if the query means the town with the same name."""
        asked = [self._hits[word] for word in self._where]
        things = {pk: [hits[thing].role for hits in asked if (thing := Thing(BRANCH, pk)) in hits] for pk in found}
        is_wide = any(all(hit.role in WIDE for thing, hit in hits.items() if thing.kind == BRANCH) for hits in asked)
        if is_wide or not any(Role.CITY in roles for roles in things.values()):
            return found
        return {pk: score for pk, score in found.items() if not WIDE & set(things[pk])}


def _asked(query: str) -> list[str]:
    """Returns the keys of the words that tell something, each once, or of all words if none does."""
    every = list(dict.fromkeys(words(_SPLIT_POSTCODE.sub(r"\1\2", query))))
    telling = [word for word in every if word not in _SMALL_WORDS and (len(word) > 1 or word.isdigit())]
    return telling or every


def _noted(asked: list[str], synonyms: Iterable[Synonym]) -> tuple[list[Synonym], list[str]]:
    """Returns the synonyms that say what is not booked here, and the words asked that none of them explains."""
    stems = {stem(word): word for word in asked}
    notes, explained = [], set[str]()
    for synonym in synonyms:
        phrases = [{stem(word) for word in _asked(phrase)} for phrase in synonym.phrases] if synonym.note_el else []
        said = [phrase for phrase in phrases if phrase and phrase <= stems.keys()]
        if said:
            notes.append(synonym)
            explained |= set.union(*said)
    return notes, [word for key, word in stems.items() if key not in explained]


def _best(scores: Scores) -> list[int]:
    return sorted(scores, key=lambda pk: (-scores[pk], pk))


def _rows(branches: BranchQuerySet) -> tuple[BranchRow, ...]:
    lists = {f"{name}_text": Cast(name, TextField()) for name in ("areas", "postcodes")}
    return tuple(BranchRow(*row) for row in branches.annotate(**lists).order_by("pk").values_list(*BranchRow._fields))


def _texts(procedure: Procedure) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (procedure.name_el, procedure.name_en), (procedure.description_el, procedure.description_en)


def _agency_names(agency: Agency) -> tuple[str, ...]:
    return agency.name_el, agency.name_en, agency.short_name_el, agency.short_name_en, agency.platform


# What the index knows of each thing


@lru_cache(maxsize=16)
def _index(
    agencies: tuple[AgencyRow, ...],
    services: tuple[ServiceRow, ...],
    synonyms: tuple[SynonymRow, ...],
    branches: tuple[BranchRow, ...],
) -> Index:
    """Returns the index of these rows. It is kept as long as the rows read are the same, so it is never out of date."""
    meant, phrases = defaultdict[int, list[str]](list), defaultdict[int, list[str]](list)
    for synonym in synonyms:
        if synonym.procedure_id:
            meant[synonym.procedure_id] += synonym.phrases
        elif synonym.agency_id:
            phrases[synonym.agency_id] += synonym.phrases
    names = {agency.pk: (*agency.names, *phrases[agency.pk]) for agency in agencies}
    return Index(
        [
            *(
                (Thing(AGENCY, one.pk), _as(Role.NAME, *one.names) + _as(Role.SYNONYM, *phrases[one.pk]))
                for one in agencies
            ),
            *((Thing(SERVICE, one.pk), _about_service(one, meant[one.pk], names)) for one in services),
            *((Thing(BRANCH, one.pk), _about_branch(one, names)) for one in branches),
        ]
    )


def _about_service(row: ServiceRow, phrases: Iterable[str], agency_names: AgencyNames) -> Texts:
    return (
        *_as(Role.NAME, *row.names),
        *_as(Role.SYNONYM, *phrases),
        *_as(Role.DESCRIPTION, *row.descriptions),
        *_as(Role.AGENCY, *agency_names.get(row.agency_id, ())),
    )


def _about_branch(row: BranchRow, agency_names: AgencyNames) -> Texts:
    countries = (country_name(row.country, language) for language in ("el", "en"))
    unit = (f"{UNIT_EL} {row.unit_el}", f"{UNIT_EN} {row.unit_en}") if row.unit_el else ()
    return (
        *_as(Role.NAME, row.name_el, row.name_en),
        *_as(Role.CITY, row.city_el, row.city_en),
        *_as(Role.AREA, row.areas_text, row.postcodes_text),
        *_as(Role.ADDRESS, *(() if row.is_illustrative else (row.address_el, row.address_en))),
        *_as(Role.UNIT, *unit),
        *_as(Role.REGION, row.region_el, row.region_en, *countries),
        *_as(Role.AGENCY, *agency_names.get(row.agency_id, ())),
    )


def _as(role: Role, *texts: str) -> Texts:
    return tuple((role, text) for text in texts)
