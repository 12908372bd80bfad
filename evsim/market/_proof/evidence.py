"""What is to be proven of a dispatch, as plain columns: a simulation can fill it, and whoever has real meters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from evsim._errors import ConfigError, name_some
from evsim._units import Anything, Floats, Ints
from evsim.market._baselines import Baseline
from evsim.market._proof.methods import Method
from evsim.market._readings import Readings
from evsim.market._settlement import Settlement, settle
from evsim.market._windows import Window

TOOK_PART = "took_part"
WHY = {
    "not_asked": "the dispatch did not ask for it",
    "not_plugged_in": "the car was not plugged in within the window",
    "opted_out": "its owner had opted out",
    "cannot_discharge": "its car or charger cannot give power back",
    "below_reserve": "the battery was not above the reserve of its owner",
    "would_miss_ready_by": "the car would not have been ready when it usually leaves",
    "nothing_to_turn_down": "it would not have charged anyway",
    "nothing_to_turn_up": "it could not have charged any more",
    "busy": "it served another dispatch",
    "not_needed": "others delivered all that was asked for",
}
"""Why an asset did not take part, by the label of its response; other labels speak for themselves."""


class Orders(NamedTuple):
    """Orders that were sent to assets, in time order; columns (k,).

    at_utc : datetime64[s]; asset : index into the assets
    kw : most power at the meter, import positive, negative to give back, 0 to pause, NaN: its own rule decides again
    reason : `prepare`, `dispatch`, `refill`, `dispatch_over`, or what the sender calls it
    """

    at_utc: Anything
    asset: Ints
    kw: Floats
    reason: Sequence[str]


@dataclass(frozen=True, eq=False)
class Evidence:
    """A dispatch, and all that its proof rests on.

    dispatch_id : names the folder; words : the instruction as received and each edit of it, ready for JSON, each with
    `known_utc`, when the fleet knew; windows : when it served; closed_utc : when it was over, or called off
    method : of its baselines
    archetypes, responses : of each meter, in the readings' order; responses are `took_part` or why not
    readings : net energy of the portfolio's meters, of the look-back and of the windows' days, by the market's clock
    baselines : one for each local date that the windows touch, made with `event_days`, `holidays_of(holidays)` and the
    window that `windows_by_day` says; none when it never served
    event_days : ISO dates left out of baselines; holidays : whose bank holidays count, as in GB-ENG, or "none"
    config_hash : of the run that it comes from; "" for real meters
    """

    dispatch_id: str
    words: Sequence[Mapping[str, Any]]
    windows: Sequence[Window]
    closed_utc: str
    method: Method
    archetypes: Sequence[str]
    responses: Sequence[str]
    orders: Orders = field(repr=False)
    readings: Readings
    baselines: Sequence[Baseline]
    event_days: Sequence[str]
    holidays: str
    config_hash: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be written down."""
        n, k = len(self.assets), len(self.orders.at_utc)
        if len(self.archetypes) != n or len(self.responses) != n:
            told = f"{len(self.archetypes):,} archetypes and {len(self.responses):,} responses"
            raise ConfigError(f"{self._place}: {n:,} meters, but {told}; give one for each meter, in their order")
        if len(set(self.assets)) != n:
            twice = [name for name in dict.fromkeys(self.assets) if self.assets.count(name) > 1]
            raise ConfigError(f"{self._place}: two meters are called {name_some(twice)}; rename one")
        if any(len(column) != k for column in self.orders):
            raise ConfigError(f"{self._place}: the columns of its orders differ in length")
        if k and not (self.orders.asset.min() >= 0 and self.orders.asset.max() < n):
            raise ConfigError(f"{self._place}: an order is for an asset that is not there; number them 0 to {n - 1}")
        if any("known_utc" not in word for word in self.words) or not self.words:
            raise ConfigError(f"{self._place}: every word of the instruction says when it was known, as `known_utc`")

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of the portfolio's meters."""
        return self.readings.meters

    @property
    def _place(self) -> str:
        return f"evidence of {self.dispatch_id}"

    @cached_property
    def settlement(self) -> Settlement:
        """What it comes to."""
        return settle(self.dispatch_id, self.windows, self.readings, self.baselines)
