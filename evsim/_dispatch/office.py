"""What those who decide about dispatches work with, and one round of deciding."""

from __future__ import annotations

from dataclasses import dataclass, field

from evsim._dispatch.held import Held
from evsim._dispatch.record import Decided
from evsim._dispatch.seen import Call, Seen, Will
from evsim._dispatch.turns import Turns
from evsim._population import Population
from evsim._units import Bools, Floats, Ints


@dataclass(eq=False)
class Round:
    """A decision about some connected cars.

    seen : the cars; is_orphan : (n,) held for a dispatch that has ended; is_taken : (n,) decided about already
    wills : what is to be done
    """

    seen: Seen
    is_orphan: Bools
    is_taken: Bools
    wills: list[Will] = field(default_factory=list)

    def take(self, rows: Ints) -> None:
        """Some cars are decided about."""
        self.is_taken[rows] = True


@dataclass(frozen=True, eq=False)
class Office:
    """What is shared by all decisions of a desk.

    people : whom; held : cars that are held; turns : who comes first; decided : the record
    is_limited : whether a limit stands for the whole fleet
    """

    people: Population
    held: Held
    turns: Turns
    decided: Decided
    is_limited: bool

    def is_asked(self, call: Call, seen: Seen) -> tuple[Bools, Bools]:
        """(n,) who is asked, and who of them has opted out."""
        asked = call.asked[seen.cars.archetype]
        return asked, asked & self.turns.has_opted_out(call.word, seen.who)

    def want(self, call: Call, now: Round, part: Seen, rows: Bools, kw: Floats, until_soc: Floats, reason: str) -> None:
        """Order something of some cars of a part (a mask), and note what is new; kw, until_soc : (m,) of the part."""
        will = Will(part.who[rows], part.now[rows], kw[rows], until_soc[rows], reason)
        self.decided.order(call.dispatch, will.at_s, will.who, will.max_kw, reason)
        now.wills.append(will)
