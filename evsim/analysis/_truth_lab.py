"""The truth lab: each named baseline against what would really have been, which only a simulator knows."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from evsim._simulator import Progress
from evsim._tables import Table
from evsim._units import Anything
from evsim.analysis._cells import column
from evsim.analysis._truth_ask import Ask
from evsim.analysis._truth_errors import Cell, cells_of, sizes_of
from evsim.analysis._truth_plan import Plan
from evsim.analysis._truth_runs import live

WORKING, NON_WORKING = "working", "non_working"
FEW_DAYS = 20
"""With fewer days of a kind its errors are rough: our choice, four weeks of working days."""
_DIGITS = 9


@dataclass(frozen=True)
class BaselineErrors:
    """How wrong baselines are, cell by cell.

    cells : one for each method, repeat, kind of day and number of assets, in this order
    ask : what was dispatched; methods, repeats : names; sizes : numbers of assets, the last is all
    first_day, last_day : datetime64[D] of the event days; n_days : of working and non-working days
    history_days : undisturbed days before them; n_users : people in the run; seed, config_hash : of the run
    """

    cells: tuple[Cell, ...]
    ask: Ask
    methods: tuple[str, ...]
    repeats: tuple[str, ...]
    sizes: tuple[int, ...]
    first_day: np.datetime64
    last_day: np.datetime64
    n_days: dict[str, int]
    history_days: int
    n_users: int
    seed: int
    config_hash: str

    def cell(self, method: str, repeat: str, day_type: str, n_assets: int) -> Cell | None:
        """One cell; None where there are no such days, as of dispatches on working days at weekends."""
        return self._by_name.get((method, repeat, day_type, n_assets))

    @property
    def _by_name(self) -> dict[tuple[str, str, str, int], Cell]:
        return {(one.method, one.repeat, one.day_type, one.n_assets): one for one in self.cells}

    @property
    def n_assets(self) -> int:
        """How many are asked."""
        return self.sizes[-1]

    @property
    def table(self) -> Table:
        """One row for each cell, with the columns of `baseline_error.csv`."""
        columns: dict[str, Anything] = {}
        for name in (field.name for field in fields(Cell)):
            values = [getattr(one, name) for one in self.cells]
            columns[name] = column([_rounded(value) for value in values])
            if name == "n_days":
                columns["n_samples"] = column([one.n_samples for one in self.cells])
        return Table(columns)


def baseline_errors(plan: Plan, progress: Progress | None = None) -> BaselineErrors:
    """Live a plan and measure.

    progress : called with (thousandths done, 1000)
    """
    seen = live(plan, progress)
    settings = plan.scenario.simulation
    working = dict(zip(plan.days.tolist(), plan.is_working.tolist(), strict=True))
    cells: list[Cell] = []
    for i, method in enumerate(plan.methods):
        for repeat, found in seen.items():
            is_working = np.array([working[day] for day in found.days.tolist()], bool)
            for day_type, days in ((WORKING, is_working), (NON_WORKING, ~is_working)):
                cells += cells_of(found, (method, repeat, day_type), i, days, plan.ask.sign, settings.seed)
    n_assets = next(iter(seen.values())).true_kwh.shape[1]
    return BaselineErrors(
        cells=tuple(cells),
        ask=plan.ask,
        methods=plan.methods,
        repeats=tuple(seen),
        sizes=sizes_of(n_assets),
        first_day=plan.days[0],
        last_day=plan.days[-1],
        n_days={WORKING: int(plan.is_working.sum()), NON_WORKING: int((~plan.is_working).sum())},
        history_days=plan.history_days,
        n_users=plan.scenario.population_size,
        seed=settings.seed,
        config_hash=plan.scenario.config_hash,
    )


def _rounded(value: str | float) -> str | float:
    """With nine digits."""
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
