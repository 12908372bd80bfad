"""Two dispatches without target on cars that charge on arrival, lived naively: one plain object per car.

Written from docs/dispatches.md. From evsim it takes who comes and goes when (`sessions` of the run without dispatches),
what each car is, and when its driver usually leaves. The charge curve is flat, and nobody drives: SoC follows a line.

Every five minutes of the window, and when it plugs in, a car looks ahead to the next of these instants. A car that has
yet to charge, and could no longer be full by its usual departure if it waited until then, charges; once it has served
and had to charge, it is left alone until the window ends. Otherwise a turn-down pauses it. A discharge has it give
back what it has above its reserve, evenly over the five minutes, as long as it could still be full in time afterwards;
else it pauses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FIVE_MINUTES_S = 300
HOUR_S = 3600.0


@dataclass
class Stay:
    """A car on its plug: seconds, kWh, kW; `power` is a list of (from, to, kW at the meter)."""

    plug_in: float
    plug_out: float
    leaves: float
    soc: float
    target: float
    kwh: float
    kw: float
    efficiency: float
    gives_kw: float
    gives_efficiency: float
    reserve: float
    has_served: bool = False
    was_let_go: bool = False

    def __post_init__(self):
        self.power = []

    def hours_to_full(self, soc):
        return max(self.target - soc, 0.0) * self.kwh / self.efficiency / self.kw

    def charge(self, since, to):
        """Charge at full power until full."""
        hours = min((to - since) / HOUR_S, self.hours_to_full(self.soc))
        if hours > 0:
            self.soc += hours * self.kw * self.efficiency / self.kwh
            self.power.append((since, since + hours * HOUR_S, self.kw))

    def give(self, since, to, kw):
        """Give `kw` back."""
        self.soc -= kw * (to - since) / HOUR_S / self.gives_efficiency / self.kwh
        self.power.append((since, to, -kw))

    def live(self, action, start, end):
        """From plug-in to plug-out, with one dispatch between two instants."""
        t = self.plug_in
        if t < start:
            self.charge(t, min(start, self.plug_out))
            t = min(start, self.plug_out)
        while start <= t < min(end, self.plug_out):
            after = min(start + (math.floor((t - start) / FIVE_MINUTES_S) + 1) * FIVE_MINUTES_S, end)
            self.serve(action, t, min(after, self.plug_out), after)
            t = min(after, self.plug_out)
        if t < self.plug_out:
            self.charge(t, self.plug_out)

    def serve(self, action, t, to, after):
        """What it does from `t` on; `after` is the next instant at which that is decided."""
        if action == "discharge" and not self.gives_kw:
            self.charge(t, to)
            return
        is_late = self.soc < self.target and self.hours_to_full(self.soc) * HOUR_S > self.leaves - after
        if self.was_let_go or is_late:
            self.was_let_go = self.was_let_go or self.has_served
            self.charge(t, to)
            return
        if self.soc >= self.target and self.leaves < after:  # it may go at any moment
            return
        above = max(self.soc - self.reserve, 0.0) * self.kwh * self.gives_efficiency if action == "discharge" else 0.0
        hours = (after - t) / HOUR_S
        kwh = min(self.gives_kw * hours, above)
        lower = self.soc - kwh / self.gives_efficiency / self.kwh if self.gives_kw else self.soc
        if kwh > 0 and self.hours_to_full(lower) * HOUR_S <= self.leaves - after:
            self.has_served = True
            self.give(t, to, kwh / hours)
        elif self.hours_to_full(self.soc) > 0:
            self.has_served = True

    def energy_kwh(self, since, to):
        """At the meter between two instants, negative if given back."""
        return sum(kw * max(min(b, to) - max(a, since), 0.0) / HOUR_S for a, b, kw in self.power)
