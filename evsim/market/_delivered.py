"""What dispatches delivered: by the twin, by the named baseline, meter by meter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from evsim._chance import Chance, Purpose
from evsim._clock import EPOCH
from evsim._dispatch.book import Act, known_s
from evsim._dispatch.methods import HistoryMethod, Method
from evsim._dispatch.record import REASONS, Lived, Response
from evsim._dispatch.turns import Turns
from evsim._errors import ConfigError
from evsim._results import Results
from evsim._simulator import simulate
from evsim._units import SECONDS_PER_DAY, Ints
from evsim.market._baselines import baseline
from evsim.market._history import IsHoliday, holidays_of
from evsim.market._metering import readings_of
from evsim.market._proof.evidence import Evidence, Orders
from evsim.market._readings import Readings, as_day
from evsim.market._settlement import Settlement
from evsim.market._twin import Truth, Twins, twins
from evsim.market._windows import Window, utc_text, windows_by_day

Progress = Callable[[int, int], None]
_MISSING_BITS = 6
"""Half-hours of a day have numbers under 64."""


@dataclass(frozen=True, eq=False, repr=False)
class Delivery:
    """What one dispatch delivered.

    lived : the dispatch; truth : by the twin; evidence : what the market is shown, and `settlement` of it
    users : (n_meters,) those whose meters count: all that were asked and have not opted out
    true_readings : what their meters would read without error or gaps, history included; twin_readings : the twin's,
    of the run's days
    notes : what else is to be known: history that is missing, readings that are, meters that count elsewhere too
    """

    lived: Lived
    truth: Truth
    evidence: Evidence
    users: Ints
    true_readings: Readings
    twin_readings: Readings
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """One line."""
        return f"<Delivery of {self.lived.id}: {self.truth.delivered_kwh:,.1f} kWh, {len(self.users):,} meters>"

    @property
    def settlement(self) -> Settlement:
        """What the dispatch comes to by the named baseline."""
        return self.evidence.settlement

    @property
    def n_without_baseline(self) -> int:
        """Meters that have too little history on any of its days; none, where the portfolio has one as a whole."""
        return _n_without_baseline(self.evidence)


@dataclass(frozen=True, eq=False, repr=False)
class Deliveries:
    """All dispatches of a run, with its twin."""

    twins: Twins
    each: tuple[Delivery, ...]

    def __repr__(self) -> str:
        """One line."""
        return f"<Deliveries: {', '.join(one.lived.id for one in self.each)}>"

    @property
    def run(self) -> Results:
        """The run."""
        return self.twins.run


def deliveries(run: Results, progress: Progress | None = None) -> Deliveries:
    """What the dispatches of a run delivered; simulates its twin and, where a baseline needs it, the days before."""
    both = twins(run, progress)
    method = run.scenario.settlement.baseline
    history, why_not = _history(run, method, progress)
    maker = _Maker(both, history, method, why_not)
    return Deliveries(both, tuple(maker.of(lived) for lived in run.dispatches))


def _history(run: Results, method: Method, progress: Progress | None) -> tuple[list[Results], str]:
    """The days before the run that a baseline looks back on; none, and why, where prices do not go back so far."""
    if not isinstance(method, HistoryMethod) or not any(lived.windows for lived in run.dispatches):
        return [], ""
    days, recorded = method.look_back_days, run.scenario.recorded
    if recorded is not None:  # what nobody has recorded is not a day without charging
        days = min(days, (run.clock.start_epoch_s - int(recorded.plug_in_s.min())) // SECONDS_PER_DAY)
    if days < 1:
        return [], "the recorded sessions do not begin before the run"
    try:
        return [simulate(run.scenario.before(days), progress)], ""
    except ConfigError as error:
        return [], str(error)


class _Maker:
    """Makes deliveries of one run."""

    def __init__(self, both: Twins, history: Sequence[Results], method: Method, why_not: str) -> None:
        self._twins, self._history, self._method, self._why_not = both, history, method, why_not
        self._scenario, self._clock = both.run.scenario, both.run.clock

    def of(self, lived: Lived) -> Delivery:
        """What one dispatch delivered."""
        users = self._portfolio(lived)
        true, twin = _of_some(self._true, users), _of_some(self._without, users)
        truth = self._twins.truth(lived)
        evidence = self._evidence(lived, users, true)
        return Delivery(lived, truth, evidence, users, true, twin, tuple(self._notes(lived, evidence)))

    def _notes(self, lived: Lived, evidence: Evidence) -> Iterator[str]:
        """What else is to be known of how it was settled, as sentences."""
        method = self._method.name
        if self._why_not:
            why = self._why_not.partition("\n")[0]
            yield f"the days before could not be simulated, so {method} has none to go by ({why})"
        n_without = _n_without_baseline(evidence)
        if n_without and not self._why_not:
            yield f"{n_without:,} of {len(evidence.assets):,} meters have too little history; there nothing counts"
        n_missing = int(evidence.settlement.n_missing.sum())
        if n_missing:
            n_due = evidence.settlement.is_missing.size
            yield f"{n_missing:,} of {n_due:,} readings of the window are missing; there nothing counts"
        others = [other.id for other in self._twins.run.dispatches if other is not lived and _overlap(lived, other)]
        if others:
            yield f"settled by itself: what {' and '.join(others)} did in the same time counts here too"

    @cached_property
    def _true(self) -> Readings:
        """What everybody's meter would read without error."""
        return readings_of([*self._history, self._twins.run])

    @cached_property
    def _without(self) -> Readings:
        """The same of the twin, from the run's first day on."""
        return readings_of([self._twins.twin])

    def _evidence(self, lived: Lived, users: Ints, true: Readings) -> Evidence:
        """What the market is shown."""
        readings, people, scenario = self._as_read(true, users), self._twins.run.users, self._scenario
        windows = [self._window(lived, act) for act in lived.windows]
        made = []
        for day, periods in windows_by_day(windows, readings.timezone).items():
            made.append(baseline(self._method, readings, day, self._event_days, self._is_holiday, periods))
        return Evidence(
            dispatch_id=lived.id,
            words=[self._word(lived, row) for row in lived.told.words],
            windows=windows,
            closed_utc=self._utc(lived.told.closed_s),
            method=self._method,
            archetypes=[people.archetype_names[i] for i in people.archetype[users].tolist()],
            responses=[Response(i).label for i in lived.responses[users].tolist()],
            orders=self._orders(lived, users),
            readings=readings,
            baselines=made,
            event_days=[str(day) for day in self._event_days],
            holidays=scenario.simulation.holidays,
            config_hash=scenario.config_hash,
        )

    def _window(self, lived: Lived, act: Act) -> Window:
        word = lived.word_of(act.word)
        start, end = self._utc(act.start_s), self._utc(act.end_s)
        return Window(start, end, word.action, word.target_kw, word.pence_per_kwh)

    def _word(self, lived: Lived, row: int) -> dict[str, Any]:
        """A word as it was received, and when the fleet knew it."""
        word = lived.word_of(row)
        told: dict[str, Any] = word.model_dump(mode="json", exclude_none=True)
        return {**told, "known_utc": self._utc(known_s(word, self._clock))}

    def _orders(self, lived: Lived, users: Ints) -> Orders:
        place = np.full(len(self._twins.run.users), -1)
        place[users] = np.arange(len(users))
        sent = lived.sent
        rows = place[sent.user] >= 0
        return Orders(
            at_utc=self._clock.to_utc(sent.at_s[rows]),
            asset=place[sent.user[rows]],
            kw=sent.kw[rows],
            reason=[REASONS[i] for i in sent.reason[rows].tolist()],
        )

    def _utc(self, at_s: float) -> str:
        return utc_text(int(at_s) + self._clock.start_epoch_s)

    @cached_property
    def _is_holiday(self) -> IsHoliday:
        return holidays_of(self._scenario.simulation.holidays)

    def _portfolio(self, lived: Lived) -> Ints:
        """The users whose meters count: any word that served asks them, and they have not opted out of it."""
        people, chance = self._twins.run.users, Chance(self._scenario.simulation.seed)
        everybody, mine = np.arange(len(people)), np.zeros(len(people), np.bool_)
        turns = Turns(len(people), lambda purpose, address: chance.uniform(purpose, len(people), address))
        for word in [lived.word_of(act.word) for act in lived.windows] or [lived.word]:
            asked = np.array([word.archetypes is None or name in word.archetypes for name in people.archetype_names])
            mine |= asked[people.archetype] & ~turns.has_opted_out(word, everybody)
        return np.flatnonzero(mine)

    def _as_read(self, true: Readings, users: Ints) -> Readings:
        """What meters show: each wrong by its own share, and some half-hours not at all."""
        settings, chance = self._scenario.settlement, Chance(self._scenario.simulation.seed)
        error, missing = settings.meter_error_percent / 100, settings.missing_readings_percent / 100
        if not error and not missing:
            return true
        n = len(self._twins.run.users)
        factor = 1 + error * (2 * chance.uniform(Purpose.METER_ERROR, n)[users] - 1)
        kwh = true.kwh * factor[:, None, None].astype(true.kwh.dtype)
        if missing:
            first = int(true.days[0].astype(np.int64))
            for i, n_periods in enumerate(true.n_periods.tolist()):
                for period in range(n_periods):
                    address = (first + i << _MISSING_BITS) | period
                    kwh[chance.uniform(Purpose.MISSING_READING, n, address)[users] < missing, i, period] = np.nan
        return Readings(true.meters, true.days, kwh, true.n_periods, true.timezone)

    @cached_property
    def _event_days(self) -> tuple[np.datetime64, ...]:
        """The local dates on which anything was dispatched."""
        found: set[int] = set()
        for lived in self._twins.run.dispatches:
            for act in lived.windows:
                first, last = self._clock.local(np.array([act.start_s, act.end_s - 1], np.float64))[0].tolist()
                found.update(range(first, last + 1))
        return tuple(as_day(str(EPOCH)) + day for day in sorted(found))


def _n_without_baseline(evidence: Evidence) -> int:
    apart = [~made.is_sufficient for made in evidence.baselines if made.nominated_portfolio is None]
    return int(np.logical_or.reduce(apart).sum()) if apart else 0


def _overlap(one: Lived, other: Lived) -> bool:
    return any(a.start_s < b.end_s and b.start_s < a.end_s for a in one.windows for b in other.windows)


def _of_some(readings: Readings, users: Ints) -> Readings:
    """The readings of some users, of those of everybody."""
    if len(users) == len(readings.meters):
        return readings
    meters = tuple(readings.meters[user] for user in users.tolist())
    return Readings(meters, readings.days, readings.kwh[users], readings.n_periods, readings.timezone)
