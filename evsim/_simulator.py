"""The loop: nothing else moves time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from evsim._cast import cast
from evsim._chance import Chance, Purpose
from evsim._config.footprint import STRETCH_HOURS, USERS_PER_BLOCK, stretch_steps
from evsim._crew import Crew, Stretch, can_fork, share
from evsim._dispatch.record import Lived, Record, joined_records, lived
from evsim._dispatch.sharing import agreed_by_all
from evsim._dispatched import DispatchedController
from evsim._errors import InvariantError, LeverError
from evsim._population import Population
from evsim._results import Certificate, Results
from evsim._totals import QUANTILES, Snapshot, soc_quantiles
from evsim._units import SECONDS_PER_HOUR, Floats, Ints
from evsim._user_controller import Luck, UserController, acted_on, decides_every_s, each_once
from evsim.strategies import ChargingStrategy, is_built_in
from evsim.strategies._parts import Said, Talk, can_split, together

if TYPE_CHECKING:
    from evsim._scenario import Scenario

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (steps done, steps in all), warm-up included."""

_BLOCK_SIZE = USERS_PER_BLOCK
_LEAST_TO_SHARE, _CREW = 40_000, 2
"""From how many users on there are at least so many blocks."""
_TURN_S = 4 * SECONDS_PER_HOUR
"""Stretches end at 04:00: nearly all people leave in one, and come home in it, in this order."""


class _Block:
    """Some of the users and who decides for them."""

    def __init__(self, people: Population, controller: UserController, step_s: int) -> None:
        self.people, self._controller, self._step_s = people, controller, step_s

    def live(self, stretch: Stretch) -> Talk[Snapshot | None]:
        """Live a stretch, agreeing with other blocks on the way; returns its totals, and none in the warm-up."""
        first, end, stride = stretch
        people, decide, totals = self.people, self._controller.parley, self.people.totals
        if first == 0:
            people.open_books()
        if first >= 0:
            totals.begin(first, end - first)
        for k, n in _strides(first, end, stride):
            if first >= 0:
                totals.live(k, n)
            yield from decide(k, n)
            people.elapse(float((k + n) * self._step_s))
        return totals.series() if first >= 0 else None

    @property
    def decided(self) -> Record | None:
        """What was decided about dispatches."""
        return None if self._controller.decided is None else self._controller.decided.as_told

    def for_parent(self) -> tuple[Any, ...]:
        """What the parent of this process needs to know beside the columns, which it shares."""
        return self.people.for_parent(), self.decided

    def take_from_child(self, told: tuple[Any, ...]) -> None:
        """Be the block that a child has lived."""
        people, decided = told
        self.people.take_from_child(people)
        if self._controller.decided is not None:
            self._controller.decided.take_from_child(decided)


def _strides(first: int, end: int, stride: int) -> Iterator[tuple[int, int]]:
    """Where the next steps begin, and how many are lived in one go: up to a whole multiple of `stride`, or all."""
    k = first
    while k < end:
        n = min(stride - k % stride, end - k) if stride else end - k
        yield k, n
        k += n


class Simulator:
    """Steps a scenario's clock: `advance()` one step, `run()` all that are left.

    `run` lives a crowd in blocks of users, by several processes where the system can fork, a day at a time. Block
    borders depend on the population alone, and sums are taken in block order, so results do not depend on the machine.
    Where a strategy steers the whole fleet, blocks agree at each decision. One that cannot be asked in parts sees the
    fleet whole: then there is one block. So there is for those who `advance` step by step and look at `population` in
    between.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        behaviour = scenario.behaviour
        self.clock = clock = scenario.simulation.clock(warms_up=behaviour.driving or behaviour.is_on_sheet)
        self._cast, self._signals = cast(scenario, clock), scenario.signals_on(clock)
        self.population = people = self._cast.people
        people.now_s = float(clock.warm_up_s)
        self._blocks: list[_Block] = []
        self._dispatches = scenario.dispatches_on(clock)
        self._left: Results | None = None
        self._next_step = -clock.n_warm_up_steps
        shape = (clock.n_steps, len(scenario.archetypes))
        self._import_kwh, self._export_kwh, self._mean_soc = (np.zeros(shape) for _ in range(3))
        self._n_plugged_in, self._n_charging, self._n_away = (np.zeros(shape, np.int64) for _ in range(3))
        self._soc_quantiles = np.zeros((*shape, len(QUANTILES)))

    @cached_property
    def _rules(self) -> list[ChargingStrategy]:
        """The strategy of each archetype."""
        return [self.scenario.strategy_of(name) for name in self.population.archetype_names]

    @cached_property
    def _stride(self) -> int:
        """After how many steps some strategy is asked about all its cars again; 0: none steers."""
        every = [decides_every_s(rule, self.clock.step_s) for rule in self._rules if rule.asked == "every_step"]
        return math.gcd(*every) // self.clock.step_s if every else 0

    @cached_property
    def _news(self) -> Ints:
        """The steps with which news is acted on, rising."""
        return acted_on(self._signals.news) // self.clock.step_s

    def _n_blocks(self) -> int:
        if any(rule.asked == "every_step" and not can_split(rule) for rule in self._rules):
            return 1
        least = _CREW if len(self.population) >= _LEAST_TO_SHARE else 1
        return max(least, -(-len(self.population) // _BLOCK_SIZE))

    def _has_crew(self) -> bool:
        """Whether blocks are lived by processes of their own: not when a rule may remember what it has seen."""
        return self._n_blocks() > 1 and can_fork() and all(map(is_built_in, self._rules))

    def _split(self, n_blocks: int) -> None:
        """Share the users out, once, before the first step."""
        people, chance = self.population, Chance(self.scenario.simulation.seed)
        size = -(-len(people) // n_blocks)
        for first in range(0, len(people), size):
            part = people if n_blocks == 1 else people.block(first, min(first + size, len(people)))
            book, homecoming = self._cast.part(part, first)
            luck = _luck_of(chance, len(part), first)
            usual = part, book, self.clock, self._rules, homecoming, self._signals, luck
            asked = self._dispatches
            decides = UserController(*usual) if asked is None else DispatchedController(*usual, asked)
            self._blocks.append(_Block(part, decides, self.clock.step_s))

    @property
    def is_over(self) -> bool:
        """Whether every step has been lived."""
        return self._next_step == self.clock.n_steps

    def advance(self) -> None:
        """Live one step: decide, let power flow, note the totals (not in the warm-up).

        Raises LeverError when the run is over.
        """
        if self.is_over:
            raise LeverError("the run is over; there is no step left to live")
        if not self._blocks:
            self._split(1)
        stretch = self._stretch(self._next_step, 1)
        self._note(stretch, self._lived(stretch))

    def run(self, progress: Progress | None = None) -> Results:
        """Live every step that is left and return what the run leaves; again, when it is over, the same."""
        if self._left is not None:
            return self._left
        began = time.perf_counter()
        is_shared = not self._blocks and self._has_crew()
        if is_shared:
            share(self.population)
        if not self._blocks:
            self._split(self._n_blocks())
        warm_up, total = self.clock.n_warm_up_steps, self.clock.n_warm_up_steps + self.clock.n_steps
        plan = self._plan()
        with Crew(self._blocks, plan, self._agree) if is_shared else nullcontext() as crew:
            lived = map(self._lived, plan) if crew is None else crew.stretches()
            for stretch, totals in zip(plan, lived, strict=False):
                self._note(stretch, totals)
                if progress is not None:
                    progress(self._next_step + warm_up, total)
            for _ in lived:  # the crew hands its people over when all has been told
                pass
        if len(self._blocks) > 1:
            self.population.take_back([block.people for block in self._blocks])
        self._left = self._results(time.perf_counter() - began)
        return self._left

    def _plan(self) -> list[Stretch]:
        """The stretches that are left."""
        plan, first = [], self._next_step
        while first < self.clock.n_steps:
            plan.append(self._stretch(first, self._longest))
            first = plan[-1].end
        return plan

    @cached_property
    def _longest(self) -> int:
        return stretch_steps(len(self.population.archetype_names), self.scenario.simulation.step_minutes)

    def _stretch(self, first: int, n: int) -> Stretch:
        """At most `n` steps, up to the start, the end or a turn of the day; results do not depend on it."""
        clock, day_s = self.clock, STRETCH_HOURS * SECONDS_PER_HOUR
        _, second = clock.local(first * clock.step_s)
        to_turn = int((_TURN_S - float(second) - 1) % day_s + 1) // clock.step_s
        end = min(first + min(n, max(to_turn, 1)), 0 if first < 0 else clock.n_steps)
        i = int(np.searchsorted(self._news, first, side="right"))
        if i < len(self._news):
            end = min(end, int(self._news[i]))
        return Stretch(first, end, self._stride)

    def _lived(self, stretch: Stretch) -> list[Snapshot | None]:
        return together([block.live(stretch) for block in self._blocks], self._agree)

    def _agree(self, said: list[Said]) -> Sequence[Any]:
        """What all blocks agree on."""
        return agreed_by_all(each_once(self._rules), said)

    def _note(self, stretch: Stretch, lived: Sequence[Snapshot | None]) -> None:
        """Note the totals of every block."""
        self._next_step = stretch.end
        told = [totals for totals in lived if totals is not None]
        if not told:
            return
        steps = slice(stretch.first, stretch.end)
        totals = Snapshot(*(sum(parts[1:], parts[0]) for parts in zip(*told, strict=True)))
        n_users = self.population.totals.n_users
        self._import_kwh[steps] = totals.import_kwh
        self._export_kwh[steps] = totals.export_kwh
        self._n_plugged_in[steps] = totals.n_plugged_in
        self._n_charging[steps] = totals.n_charging
        self._n_away[steps] = totals.n_away
        self._mean_soc[steps] = totals.soc_sum / np.where(n_users, n_users, np.nan)
        self._soc_quantiles[steps] = soc_quantiles(totals.at_level, n_users)

    def _results(self, seconds: float) -> Results:
        people, clock = self.population, self.clock
        people.is_over = True
        results = Results(
            scenario=self.scenario,
            clock=clock,
            archetypes=people.archetype_names,
            n_users=people.totals.n_users,
            import_kw=self._import_kwh / clock.step_h,
            export_kw=self._export_kwh / clock.step_h,
            n_plugged_in=self._n_plugged_in,
            n_charging=self._n_charging,
            n_away=self._n_away,
            mean_soc=self._mean_soc,
            soc_quantiles=self._soc_quantiles,
            users=people,
            dispatches=self._lived_dispatches(),
            certificate=self._certify(),
            timings={"simulate_s": seconds},
        )
        for column in vars(results).values():
            if isinstance(column, np.ndarray):
                column.flags.writeable = False
        return results

    def _lived_dispatches(self) -> tuple[Lived, ...]:
        told = [block.decided for block in self._blocks]
        records = [record for record in told if record is not None]
        if self._dispatches is None or not records:
            return ()
        firsts = np.cumsum([0, *(len(block.people) for block in self._blocks[:-1])]).tolist()
        return lived(self._dispatches, *joined_records(records, firsts))

    def _certify(self) -> Certificate:
        """Check the laws of the model on this run (docs/conventions.md); a broken one is an `InvariantError`."""
        people = self.population
        import_kwh, export_kwh = people.events.import_kwh_by_user(), people.events.export_kwh_by_user()
        residual = np.abs(people.residual_kwh(import_kwh, export_kwh))
        worst = int(np.argmax(residual))
        socs = [soc for (soc,) in people.events.parts("soc")]
        proof = Certificate(
            max_residual_kwh=float(residual[worst]),
            worst_user=worst,
            min_soc=float(min(soc.min() for soc in socs)),
            max_soc=float(max(soc.max() for soc in socs)),
            events_less_series_kwh=max(
                float(import_kwh.sum()) - float(self._import_kwh.sum()),
                float(export_kwh.sum()) - float(self._export_kwh.sum()),
                key=abs,
            ),
        )
        broken = proof.faults(len(people))
        if broken:
            raise InvariantError(f"{'; '.join(broken)}: a bug of evsim, please report it with your config")
        return proof


def _luck_of(chance: Chance, n: int, first_user: int) -> Luck:
    """The luck of the users of a block, by purpose and day; the last few draws are kept."""

    @lru_cache(maxsize=4)
    def luck(purpose: Purpose, day: int) -> Floats:
        return chance.uniform(purpose, n, day, first_user)

    return luck


def simulate(scenario: Scenario, progress: Progress | None = None) -> Results:
    """Run a scenario from its warm-up to its end.

    progress : called with (steps done, steps in all), or None
    Raises ConfigError when the run cannot fit in memory, InvariantError when a law of the model is broken.
    """
    scenario.check_fits()
    return Simulator(scenario).run(progress)
