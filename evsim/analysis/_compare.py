"""The same people, days and luck under several variants: what each costs, emits, and asks of the network.

The luck of a person does not depend on how their car is charged (DESIGN 4.2), so variants are compared on matched
futures: a difference is taken seed by seed, and its spread over seeds is that of the difference, not of the years.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from evsim._clock import Clock
from evsim._config.charging import settings_of
from evsim._errors import ConfigError
from evsim._scenario import Scenario
from evsim._simulator import Progress
from evsim._tables import Table
from evsim._units import Floats
from evsim.analysis._cells import column, measured_columns
from evsim.analysis._night import Example, Night
from evsim.analysis._runs import Job, Outcome, run_all
from evsim.analysis._student import half_width
from evsim.strategies import BUILT_IN, ChargingStrategy

NOT_AT_HOME = 0.02
"""More energy charged in public, or missing at departures, as a share of what is drawn, that flatters a cost."""
_COST = "gbp_per_user_year"
_PENCE_PER_GBP = 100
_WITHOUT_PLAN = ("immediate", "scheduled")
"""Built-in rules that nobody's expected departure delays."""


class Variant(NamedTuple):
    """A scenario under a name."""

    name: str
    scenario: Scenario


class Estimate(NamedTuple):
    """A mean over seeds, and half of its 95% confidence interval; NaN with a single seed."""

    mean: float
    half_width: float


@dataclass(frozen=True)
class Backdrop:
    """A signal that may explain when cars charge: (n_steps,) means over the steps, in its unit."""

    name: str
    unit: str
    values: Floats


@dataclass(frozen=True)
class Comparison:
    """What variants leave: small, and without the people.

    outcomes : for each variant, one for each seed
    n_users : of each variant
    wants_margin : of each variant, whether its rules use the time to the expected departure to the last minute
    backdrops : of the first variant, the price of import, and carbon intensity where a rule goes by it or there is no
        price
    is_about_charging : whether the variants differ in their charging rules alone
    """

    names: tuple[str, ...]
    seeds: tuple[int, ...]
    clock: Clock
    days: int
    n_users: tuple[int, ...]
    wants_margin: tuple[bool, ...]
    outcomes: tuple[tuple[Outcome, ...], ...]
    backdrops: tuple[Backdrop, ...]
    is_about_charging: bool

    def values(self, measure: str) -> Floats:
        """(n_variants, n_seeds) a measure, by its name in `MEASURES`."""
        return np.array([[o.measures.number(measure) for o in row] for row in self.outcomes], np.float64)

    def means(self, measure: str) -> list[Estimate]:
        """Each variant's mean over seeds."""
        return [_estimate(values) for values in self.values(measure)]

    def differences(self, measure: str) -> list[Estimate]:
        """Each variant's mean difference to the first, seed by seed; the first's is 0."""
        values = self.values(measure)
        return [_estimate(row - values[0]) for row in values]

    def is_less_at_home(self, variant: int) -> bool:
        """Whether a variant costs less than the first also because less is charged at home.

        More is charged in public, or missing at departures, by over 2% of what it draws.
        """
        drawn_kwh = self.means("import_kwh")[variant].mean
        public, short, cost = (self.differences(m)[variant].mean for m in ("public_kwh", "short_kwh", _COST))
        is_short = short > 0 and self.means("short_kwh")[variant].mean > NOT_AT_HOME * drawn_kwh
        return cost < 0 and (public > NOT_AT_HOME * drawn_kwh or is_short)

    @property
    def config_hashes(self) -> tuple[str, ...]:
        """Of each variant, with the first seed."""
        return tuple(row[0].config_hash for row in self.outcomes)

    @property
    def example(self) -> Example | None:
        """Whose night is looked at; None when nobody charges then."""
        return self.outcomes[0][0].example

    @property
    def nights(self) -> list[Night | None]:
        """That driver's night under each variant, with the first seed."""
        return [row[0].night for row in self.outcomes]

    @cached_property
    def table(self) -> Table:
        """One row for each variant and seed, with the columns of `compare.csv`."""
        rows = [(name, seed, o) for name, row in zip(self.names, self.outcomes, strict=True)
                for seed, o in zip(self.seeds, row, strict=True)]  # fmt: skip
        return Table(
            {
                "variant": np.array([name for name, _, _ in rows], object),
                "seed": column([seed for _, seed, _ in rows]),
                "days": column([self.days for _ in rows]),
                "config_hash": np.array([o.config_hash for _, _, o in rows], object),
                **measured_columns([o.measures.told for _, _, o in rows]),
            }
        )


def compare(variants: Sequence[Variant], n_seeds: int = 1, progress: Progress | None = None) -> Comparison:
    """Run variants with the same luck: that of the first one's seed, and of the numbers behind it.

    progress : called with (steps done, steps in all) over all runs
    Raises ConfigError when the variants are not of the same days and steps, or too large.
    """
    first = variants[0].scenario
    clock = _shared_clock(variants)
    seeds = tuple(range(first.simulation.seed, first.simulation.seed + n_seeds))
    jobs = [
        Job(with_seed(variant.scenario, seed), shows_night=seed == seeds[0]) for seed in seeds for variant in variants
    ]
    found = run_all(jobs, progress)
    n = len(variants)
    return Comparison(
        names=tuple(variant.name for variant in variants),
        seeds=seeds,
        clock=clock,
        days=first.simulation.days,
        n_users=tuple(int(outcome.measures.number("n_users")) for outcome in found[:n]),
        wants_margin=tuple(_wants_margin(variant.scenario) for variant in variants),
        outcomes=tuple(tuple(found[i::n]) for i in range(n)),
        backdrops=_backdrops(variants, clock),
        is_about_charging=all(_people(variant.scenario) == _people(first) for variant in variants),
    )


def with_seed(scenario: Scenario, seed: int) -> Scenario:
    """The same scenario with another luck."""
    if scenario.simulation.seed == seed:
        return scenario
    simulation = scenario.simulation.model_copy(update={"seed": seed})
    copy = scenario.model_copy(update={"simulation": simulation})
    copy.__dict__.pop("config_hash", None)  # what was worked out of the other luck
    return copy


def _people(scenario: Scenario) -> dict[str, object]:
    """A config but for its charging rules and its luck."""
    config = scenario.to_dict()
    simulation = {key: value for key, value in config["simulation"].items() if key != "seed"}
    return {key: value for key, value in config.items() if key != "charging"} | {"simulation": simulation}


def _shared_clock(variants: Sequence[Variant]) -> Clock:
    """The time axis of all variants."""
    clocks = [variant.scenario.simulation.clock() for variant in variants]
    axes = [(clock.start_epoch_s, clock.step_s, clock.n_steps, clock.timezone) for clock in clocks]
    for (name, scenario), axis in zip(variants, axes, strict=True):
        if axis != axes[0]:
            raise ConfigError(
                f"{name}: {_period(scenario)}, and {variants[0].name}: {_period(variants[0].scenario)}; "
                "runs are compared step by step: give all the same with --days, or --set simulation.start=..."
            )
    return clocks[0]


def _period(scenario: Scenario) -> str:
    settings = scenario.simulation
    return (
        f"{settings.days:,} days from {settings.start:%a %d %b %Y %H:%M} {settings.timezone} "
        f"in steps of {settings.step_minutes} min"
    )


def _backdrops(variants: Sequence[Variant], clock: Clock) -> tuple[Backdrop, ...]:
    signals = variants[0].scenario.signals_on(clock)
    edges = np.arange(clock.n_steps + 1, dtype=np.float64) * clock.step_s
    found = []
    if signals.import_price is not None:
        pence = _PENCE_PER_GBP * signals.import_price.actual.mean(edges[:-1], edges[1:])
        found.append(Backdrop("import price", "p/kWh", pence))
    if signals.carbon_intensity is not None and (not found or _goes_by_carbon(variants)):
        grams = signals.carbon_intensity.actual.mean(edges[:-1], edges[1:])
        found.append(Backdrop("carbon intensity", "g/kWh", grams))
    return tuple(found)


def _goes_by_carbon(variants: Sequence[Variant]) -> bool:
    """Whether a rule of any variant needs the carbon intensity."""
    rules = [rule for variant in variants for rule in _rules(variant.scenario)]
    return any("carbon_intensity" in getattr(rule, "needs", ()) for rule in rules)


def _wants_margin(scenario: Scenario) -> bool:
    """Whether any rule plans up to the expected departure, without a margin."""
    if scenario.charging.fleet_limit_kw is not None:
        return False  # what is missing then is power, and not time
    return any(
        rule.name in BUILT_IN and rule.name not in _WITHOUT_PLAN and "margin_minutes" not in settings_of(rule)
        for rule in _rules(scenario)
    )


def _rules(scenario: Scenario) -> list[ChargingStrategy]:
    return [scenario.charging.default, *scenario.charging.by_archetype.values()]


def _estimate(values: Floats) -> Estimate:
    return Estimate(float(values.mean()), half_width(values))
