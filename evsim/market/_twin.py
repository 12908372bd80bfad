"""What would have been without the dispatches: the same people with the same luck, simulated again.

Nobody else can know this. Delivered, prepared and rebound are differences of the two runs, which are alike to the bit
until the first dispatch is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from evsim._dispatch.record import Lived
from evsim._errors import EvsimError
from evsim._results import Results
from evsim._series import Signal
from evsim._simulator import simulate
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, Floats
from evsim.market._metering import net_kwh_between

REBOUND_S = SECONDS_PER_DAY
"""For how long after a dispatch its rebound is counted."""
_G_PER_KG = 1_000


@dataclass(frozen=True)
class Truth:
    """What a dispatch did, by the twin; energies are net, at the meter.

    id, action : which, and what it asked for by the last word that served
    target_kwh : what was asked for [kWh]; None without a target
    delivered_kwh : less than without it over the window (more, for a turn_up) [kWh]
    delivered_share : of the target; None without one
    prepared_kwh : drawn more between notice and start [kWh]
    rebound_kwh : drawn more in the 24 h after the window, or until the run's end or the notice of the next dispatch
        [kWh]
    rebound_peak_kw : the most that a step of these is above the twin's [kW]; peak_kw, twin_peak_kw : highest net power
        of a step in that time, with and without the dispatch
    rebound_cost_gbp, rebound_carbon_kg : what these 24 h cost and emit more; None without prices, or intensity
    net_kwh : drawn more from notice to the end of the rebound, window included [kWh]
    net_cost_gbp, net_carbon_kg : the same of money and carbon
    hours_after : how much of the 24 h is counted [h]
    """

    id: str
    action: str
    target_kwh: float | None
    delivered_kwh: float
    delivered_share: float | None
    prepared_kwh: float
    rebound_kwh: float
    rebound_peak_kw: float
    peak_kw: float
    twin_peak_kw: float
    rebound_cost_gbp: float | None
    rebound_carbon_kg: float | None
    net_kwh: float
    net_cost_gbp: float | None
    net_carbon_kg: float | None
    hours_after: float

    def to_dict(self) -> dict[str, Any]:
        """As it stands in `summary.json`."""
        return dict(vars(self))


@dataclass(frozen=True, eq=False)
class Twins:
    """A run with dispatches, and its twin without any."""

    run: Results
    twin: Results

    @cached_property
    def net_kw(self) -> tuple[Floats, Floats]:
        """(n_steps,) net power of the run and of its twin [kW]."""
        run, twin = (np.asarray((one.import_kw - one.export_kw).sum(axis=1)) for one in (self.run, self.twin))
        return run, twin

    def delivered_by_user(self, lived: Lived) -> Floats:
        """(n_users,) what each delivered over the windows [kWh]."""
        total = np.zeros(len(self.run.users))
        for act in lived.windows:
            sign = -1.0 if self._action(lived, act.word) == "turn_up" else 1.0
            metered, without = (net_kwh_between(one, act.start_s, act.end_s) for one in (self.run, self.twin))
            total += sign * (without - metered)
        return total

    def truth(self, lived: Lived) -> Truth:
        """What a dispatch did. One that never served delivered nothing."""
        acts = lived.windows
        known = min((act.known_s for act in lived.told.acts), default=0)
        start = min((act.start_s for act in acts), default=known)
        end = max((act.end_s for act in acts), default=start)
        until = self._rebounds_until(lived, end) if acts else end
        targets = [self._target_kwh(lived, act.word, act.end_s - act.start_s) for act in acts]
        has_target = bool(targets) and all(target is not None for target in targets)
        target_kwh = sum(target or 0.0 for target in targets) if has_target else None
        delivered = float(self.delivered_by_user(lived).sum())
        after, whole = self._steps(end, until), self._steps(known, until)
        run_kw, twin_kw = (kw[after] for kw in self.net_kw)
        return Truth(
            id=lived.id,
            action=lived.word.action,
            target_kwh=target_kwh,
            delivered_kwh=delivered,
            delivered_share=delivered / target_kwh if target_kwh else None,
            prepared_kwh=self._more_kwh(known, start),
            rebound_kwh=self._more_kwh(end, until),
            rebound_peak_kw=float((run_kw - twin_kw).max(initial=0.0)),
            peak_kw=float(run_kw.max(initial=0.0)),
            twin_peak_kw=float(twin_kw.max(initial=0.0)),
            rebound_cost_gbp=self._more_cost(after),
            rebound_carbon_kg=self._more_carbon(after),
            net_kwh=self._more_kwh(known, until),
            net_cost_gbp=self._more_cost(whole),
            net_carbon_kg=self._more_carbon(whole),
            hours_after=(until - end) / SECONDS_PER_HOUR,
        )

    def _rebounds_until(self, lived: Lived, end_s: int) -> int:
        """When its rebound is no longer counted: after 24 h, or when the fleet knows of the next dispatch [s]."""
        others = [act.known_s for one in self.run.dispatches if one.id != lived.id for act in one.told.acts]
        after = [known for known in others if known >= end_s]
        return min(end_s + REBOUND_S, self.run.clock.end_s, *after)

    def _action(self, lived: Lived, word: int) -> str:
        return lived.words[lived.told.words.index(word)].action

    def _target_kwh(self, lived: Lived, word: int, seconds: float) -> float | None:
        target_kw = lived.words[lived.told.words.index(word)].target_kw
        return None if target_kw is None else target_kw * seconds / SECONDS_PER_HOUR

    def _steps(self, since_s: float, to_s: float) -> slice:
        """The steps that lie between two instants, with those they lie in."""
        step_s = self.run.clock.step_s
        return slice(int(since_s // step_s), -int(-to_s // step_s))

    def _more_kwh(self, since_s: float, to_s: float) -> float:
        """What all drew more than their twins between two instants [kWh]."""
        if to_s <= since_s:
            return 0.0
        clock = self.run.clock
        if since_s % clock.step_s == 0 and to_s % clock.step_s == 0:
            steps = self._steps(since_s, to_s)
            return float((self.net_kw[0][steps] - self.net_kw[1][steps]).sum() * clock.step_h)
        run, twin = (float(net_kwh_between(one, since_s, to_s).sum()) for one in (self.run, self.twin))
        return run - twin

    def _more_cost(self, steps: slice) -> float | None:
        """What these steps cost more [GBP]; exports without a price earn nothing."""
        signals = self.run.signals
        if signals.import_price is None:
            return None
        cost = self._worth(signals.import_price, "import_kw", steps)
        return cost - (0.0 if signals.export_price is None else self._worth(signals.export_price, "export_kw", steps))

    def _more_carbon(self, steps: slice) -> float | None:
        """What import in these steps emits more [kg]."""
        carbon = self.run.signals.carbon_intensity
        return None if carbon is None else self._worth(carbon, "import_kw", steps) / _G_PER_KG

    def _worth(self, signal: Signal, name: str, steps: slice) -> float:
        """The difference of energies of the two runs, step by step times a signal's mean."""
        clock, series = self.run.clock, signal.actual
        kwh = (getattr(self.run, name)[steps] - getattr(self.twin, name)[steps]).sum(axis=1) * clock.step_h
        begins = np.arange(clock.n_steps, dtype=np.float64)[steps] * clock.step_s
        return float((kwh * series.mean(begins, begins + clock.step_s)).sum()) if len(begins) else 0.0


def twins(run: Results, progress: Callable[[int, int], None] | None = None) -> Twins:
    """A run and its twin, which is simulated now. Raises EvsimError when the run has no dispatches."""
    if not run.dispatches:
        raise EvsimError("this run has no dispatches, so it is its own twin")
    return Twins(run, simulate(run.scenario.without_dispatches(), progress))
