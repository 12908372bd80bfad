"""Rules for a whole fleet that can be asked about it part by part.

Each part looks at its own cars, all agree on what they saw, and each gives its own cars their orders. What is agreed on
is small, and a sum of it is exact: it does not depend on how the fleet is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeGuard, TypeVar

from evsim._errors import InvariantError
from evsim._units import Floats
from evsim.strategies._base import ChargingStrategy, blaming, checked, is_built_in
from evsim.strategies._observation import Observation
from evsim.strategies._orders import Orders

T = TypeVar("T")


class InParts(ChargingStrategy, Protocol):
    """A rule that decides in three steps. Its `orders(cars)` are those of one part (`as_one`)."""

    @property
    def decides_in_parts(self) -> bool:
        """Whether, with its settings, it can decide about several parts; one part it always can."""
        ...

    def look(self, cars: Observation) -> tuple[Any, Any]:
        """What the others need to know of a part, which may be empty, and what it remembers for `orders_of`."""
        ...

    def agree(self, summaries: Sequence[Any]) -> Sequence[Any]:
        """The verdict for each part; the parts follow one another by user number."""
        ...

    def orders_of(self, cars: Observation, memory: Any, verdict: Any) -> Iterable[Orders]:  # noqa: ANN401 - its own
        """The orders for the cars of a part."""
        ...


class Said(NamedTuple):
    """What a part of the fleet tells the others, for a rule by its number."""

    rule: int
    summary: Any


Talk: TypeAlias = Generator[Said, Any, T]
"""Goes on until something is to be agreed on, says its part, and is sent the verdict."""
Agree: TypeAlias = Callable[[list[Said]], Sequence[Any]]
"""The verdict for each of those who said something."""


def can_split(strategy: ChargingStrategy) -> TypeGuard[InParts]:
    """Whether the fleet of a rule may be cut: evsim's own rules only, and with nothing round them."""
    is_bare = getattr(strategy, "inner", None) is None
    return is_bare and is_built_in(strategy) and bool(getattr(strategy, "decides_in_parts", False))


def as_one(rule: InParts, cars: Observation) -> Iterable[Orders]:
    """The orders of a rule for a fleet that is one part."""
    summary, memory = rule.look(cars)
    (verdict,) = rule.agree([summary])
    return rule.orders_of(cars, memory, verdict)


def ask_part(number: int, rule: InParts, cars: Observation, now: Floats) -> Talk[list[Orders]]:
    """The checked orders of a rule for the cars of one part, observed at `now` (n,)."""
    with blaming(rule):
        summary, memory = rule.look(cars)
    verdict = yield Said(number, summary)
    with blaming(rule):
        given = list(rule.orders_of(cars, memory, verdict))
    return checked(rule, given, now)


def agreed(rules: Sequence[ChargingStrategy], said: Sequence[Said]) -> Sequence[Any]:
    """The verdicts of the rule that all speak of."""
    number = said[0].rule
    rule = rules[number]
    if any(one.rule != number for one in said) or not can_split(rule):
        raise InvariantError("parts of the fleet speak of different rules; a bug of evsim, please report it")
    with blaming(rule):
        return rule.agree([one.summary for one in said])


def together(talks: Sequence[Talk[T]], agree: Agree) -> list[T]:
    """Let talks go on, each to its next word, and agree, until all have ended; returns what they return."""
    verdicts: Sequence[Any] = [None] * len(talks)
    while True:
        said, ended = [], []
        for talk, verdict in zip(talks, verdicts, strict=True):
            try:
                said.append(talk.send(verdict))
            except StopIteration as end:
                ended.append(end.value)
        if not said:
            return ended
        if ended:
            raise InvariantError("a part of the fleet has ended before the others; a bug of evsim, please report it")
        verdicts = agree(said)
