"""Noting whose records a request has looked at, where rows give out what tells who somebody is.

A request of staff is answered inside `looking`. Meanwhile each appointment notes itself here when one of its watched
fields is read. So no page, list, feed or answer can forget it, and rows that are only loaded or counted are not noted.
Who builds rows from plain SQL, without the model, calls `note`; who keeps what was drawn for later, `gathered`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar, cast

from django.db.models import Field, Model
from django.db.models.query_utils import DeferredAttribute

M = TypeVar("M", bound=Model)
T = TypeVar("T")


@dataclass
class Sight:
    """The appointments that were looked at, each with the key of its citizen's account if that is known.

    `reader` is the user who looks, if neither the session nor the token of the request tells. For so long as `one_look`
    it is one look, however often the page is asked for: pages look again by themselves, and people go back and forth.
    """

    seen: dict[int, int | None] = field(default_factory=dict)
    reader: int | None = None
    one_look: timedelta = timedelta(minutes=10)


_CURRENT: ContextVar[Sight | None] = ContextVar("sight", default=None)


@contextmanager
def looking(sight: Sight) -> Iterator[None]:
    token = _CURRENT.set(sight)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def note(seen: Mapping[int, int | None]) -> None:
    """Note that these appointments are shown, each with the key of its citizen's account, or None."""
    if (sight := _CURRENT.get()) is not None:
        sight.seen.update(seen)


@contextmanager
def aside() -> Iterator[None]:
    """Let the block read rows that are shown to nobody, for example to compare them."""
    with looking(Sight()):
        yield


def gathered(make: Callable[[], T]) -> tuple[T, Mapping[int, int | None]]:
    """Return what is made, and the appointments that it shows. Whoever shows it to somebody notes them."""
    own = Sight()
    with looking(own):
        made = make()
    return made, own.seen


def read_by(user: int | None, *, by_program: bool = False) -> None:
    """Tell who looks, for pages that know it by a key of their own. What a program fetches all day is one look a day."""
    if (sight := _CURRENT.get()) is not None:
        sight.reader = user
        if by_program:
            sight.one_look = timedelta(days=1)


class _Watched(DeferredAttribute):
    """A field of a row that notes the row's appointment when it is read."""

    def __init__(self, field: Any, key: str) -> None:
        super().__init__(field)
        self.key = key

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        values = instance.__dict__
        if (sight := _CURRENT.get()) is not None and (appointment := values.get(self.key)):
            sight.seen[appointment] = values.get("citizen_id") or sight.seen.get(appointment)
        name = self.field.attname
        return values[name] if name in values else super().__get__(instance, cls)

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


def watched(*names: str, key: str = "id") -> Callable[[type[M]], type[M]]:
    """Watch these fields of the model. `key` is its column with the appointment."""

    def watch(model: type[M]) -> type[M]:
        for name in names:
            setattr(model, name, _Watched(cast("Field", model._meta.get_field(name)), key))
        return model

    return watch
