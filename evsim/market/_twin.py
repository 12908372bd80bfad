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

from evsim._dispatch.record import REASONS, Lived, Response
from evsim._errors import EvsimError
from evsim._results import Results
from evsim._series import Signal
from evsim._simulator import simulate
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, Floats, Ints
from evsim.market._metering import by_step, net_kwh_between, net_kwh_while

REBOUND_S = SECONDS_PER_DAY
"""For how long after a dispatch its rebound is counted."""
_G_PER_KG = 1_000


@dataclass(frozen=True)
class Truth:
    """What a dispatch did, by the twin: energies are net, at the meter, of the cars that took part.

    id, action : which, and what it asked for by the last word that served
    target_kwh : what was asked for [kWh]; None without a target
    delivered_kwh : less than without it over the window (more, for a turn_up) [kWh]
    delivered_share : of the target; None without one
    prepared_kwh : drawn more between notice and start [kWh]
    rebound_kwh : drawn more in the 24 h after the window, or until the run ends, or another dispatch is known or
        begins [kWh]
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


@dataclass(frozen=True, eq=False, repr=False)
class Twins:
    """A run with dispatches, and its twin without any.

    What a dispatch did is counted of the cars that took part: where several dispatches overlap, each car
    serves one of them at a time.
    """

    run: Results
    twin: Results

    def __repr__(self) -> str:
        """One line."""
        return f"<Twins of {self.run!r}>"

    @cached_property
    def net_kw(self) -> tuple[Floats, Floats]:
        """(n_steps,) net power of the run and of its twin [kW]."""
        run, twin = (np.asarray((one.import_kw - one.export_kw).sum(axis=1)) for one in (self.run, self.twin))
        return run, twin

    def delivered_by_user(self, lived: Lived) -> Floats:
        """(n_users,) what each that took part delivered over the windows, while no other dispatch held it [kWh]."""
        total, called = np.zeros(len(self.run.users)), called_for(lived)
        mine_from, mine_to = self._held_only(lived)
        for act in lived.windows:
            is_apart = (mine_from[called] > act.start_s) | (mine_to[called] < act.end_s)
            apart, alone = called[is_apart], called[~is_apart]
            sign = -1.0 if lived.word_of(act.word).action == "turn_up" else 1.0
            metered, without = (net_kwh_between(one, act.start_s, act.end_s)[alone] for one in (self.run, self.twin))
            total[alone] += sign * (without - metered)
            if len(apart):
                since, to = np.maximum(mine_from, act.start_s), np.minimum(mine_to, act.end_s)
                metered, without = (net_kwh_while(one, since, to)[apart] for one in (self.run, self.twin))
                total[apart] += sign * (without - metered)
        return total

    def _held_only(self, lived: Lived) -> tuple[Floats, Floats]:
        """(n_users,) from and until when no other dispatch held a car that this one called [s]."""
        n = len(self.run.users)
        first, since, to = np.full(n, np.inf), np.zeros(n), np.full(n, np.inf)
        np.minimum.at(first, lived.sent.user, lived.sent.at_s.astype(np.float64))
        for other in self.run.dispatches:
            if other.id == lived.id:
                continue
            is_held = ~np.isnan(other.sent.kw)
            user, at = other.sent.user[is_held], other.sent.at_s[is_held].astype(np.float64)
            later = at > first[user]
            np.minimum.at(to, user[later], at[later])
            since[user[~later]] = first[user[~later]]
        return since, to

    def truth(self, lived: Lived) -> Truth:
        """What a dispatch did. One that never served delivered nothing."""
        acts = lived.windows
        known = min((act.known_s for act in lived.told.acts), default=0)
        start = min((act.start_s for act in acts), default=known)
        end = max((act.end_s for act in acts), default=start)
        until = self._rebounds_until(lived, end) if acts else end
        target_kwh = self._target_kwh(lived)
        delivered = float(self.delivered_by_user(lived).sum())
        more = _More.of(self, called_for(lived))
        after, whole = self._steps(end, until), self._steps(known, until)
        run_kw, twin_kw = (kw[after] for kw in self.net_kw)
        return Truth(
            id=lived.id,
            action=lived.word.action,
            target_kwh=target_kwh,
            delivered_kwh=delivered,
            delivered_share=delivered / target_kwh if target_kwh else None,
            prepared_kwh=more.kwh(known, start),
            rebound_kwh=more.kwh(end, until),
            rebound_peak_kw=float((more.net_kwh[after] / self.run.clock.step_h).max(initial=0.0)),
            peak_kw=float(run_kw.max(initial=0.0)),
            twin_peak_kw=float(twin_kw.max(initial=0.0)),
            rebound_cost_gbp=more.cost_gbp(after),
            rebound_carbon_kg=more.carbon_kg(after),
            net_kwh=more.kwh(known, until),
            net_cost_gbp=more.cost_gbp(whole),
            net_carbon_kg=more.carbon_kg(whole),
            hours_after=(until - end) / SECONDS_PER_HOUR,
        )

    def _rebounds_until(self, lived: Lived, end_s: int) -> int:
        """When its rebound is no longer counted [s]: after 24 h, or when another dispatch begins to act."""
        others = [act for one in self.run.dispatches if one.id != lived.id for act in one.told.acts]
        next_s = [act.known_s if act.known_s >= end_s else act.start_s for act in others]
        return min(end_s + REBOUND_S, self.run.clock.end_s, *(at for at in next_s if at >= end_s))

    def _target_kwh(self, lived: Lived) -> float | None:
        """What was asked for over the windows [kWh]; None where any of them had no target, or there is none."""
        targets = [(lived.word_of(act.word).target_kw, act.end_s - act.start_s) for act in lived.windows]
        if not targets or any(kw is None for kw, _ in targets):
            return None
        return sum((kw or 0.0) * seconds / SECONDS_PER_HOUR for kw, seconds in targets)

    def _steps(self, since_s: float, to_s: float) -> slice:
        """The steps that lie between two instants, with those they lie in."""
        step_s = self.run.clock.step_s
        return slice(int(since_s // step_s), -int(-to_s // step_s))


def called_for(lived: Lived) -> Ints:
    """The users that took part in a dispatch, or were prepared for it, rising."""
    took_part = np.flatnonzero(lived.responses == Response.TOOK_PART)
    return np.union1d(took_part, lived.sent.user[lived.sent.reason == REASONS.index("prepare")])


@dataclass(frozen=True, eq=False)
class _More:
    """What some users drew and gave more than their twins, each (n_steps,) [kWh]."""

    twins: Twins
    users: Ints
    import_kwh: Floats
    export_kwh: Floats

    @classmethod
    def of(cls, twins: Twins, users: Ints) -> _More:
        """Of some users."""
        (taken, given), (twin_taken, twin_given) = by_step(twins.run, users), by_step(twins.twin, users)
        return cls(twins, users, taken - twin_taken, given - twin_given)

    @property
    def net_kwh(self) -> Floats:
        """(n_steps,) drawn less given back [kWh]."""
        return np.asarray(self.import_kwh - self.export_kwh)

    def kwh(self, since_s: float, to_s: float) -> float:
        """Drawn more between two instants, net [kWh]."""
        if to_s <= since_s:
            return 0.0
        step_s = self.twins.run.clock.step_s
        if since_s % step_s == 0 and to_s % step_s == 0:
            return float(self.net_kwh[int(since_s // step_s) : int(to_s // step_s)].sum())
        run, twin = (net_kwh_between(one, since_s, to_s)[self.users] for one in (self.twins.run, self.twins.twin))
        return float((run - twin).sum())

    def cost_gbp(self, steps: slice) -> float | None:
        """What these steps cost more [GBP]; exports without a price earn nothing."""
        signals = self.twins.run.signals
        if signals.import_price is None:
            return None
        paid = self._worth(signals.import_price, self.import_kwh, steps)
        return paid - (
            0.0 if signals.export_price is None else self._worth(signals.export_price, self.export_kwh, steps)
        )

    def carbon_kg(self, steps: slice) -> float | None:
        """What import in these steps emits more [kg]."""
        carbon = self.twins.run.signals.carbon_intensity
        return None if carbon is None else self._worth(carbon, self.import_kwh, steps) / _G_PER_KG

    def _worth(self, signal: Signal, kwh: Floats, steps: slice) -> float:
        """Energies step by step times a signal's mean."""
        clock = self.twins.run.clock
        begins = np.arange(clock.n_steps, dtype=np.float64)[steps] * clock.step_s
        means = signal.actual.mean(begins, begins + clock.step_s) if len(begins) else begins
        return float((kwh[steps] * means).sum())


def twins(run: Results, progress: Callable[[int, int], None] | None = None) -> Twins:
    """A run and its twin, which is simulated now. Raises EvsimError when the run has no dispatches."""
    if not run.dispatches:
        raise EvsimError("this run has no dispatches, so it is its own twin")
    return Twins(run, simulate(run.scenario.without_dispatches(), progress))
