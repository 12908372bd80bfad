"""`python -m evsim baselines`: each named baseline against what would really have been."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from evsim._commands.parts import (
    DEFAULT_CONFIG,
    DEFAULT_OUT,
    Config,
    Seed,
    Sets,
    StrategyFiles,
    Users,
    overrides,
    read,
    told,
    warn,
)

CSV, PNG = "baseline_error.csv", "baseline_error.png"


@told
def baselines(
    config: Config = DEFAULT_CONFIG,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.")] = DEFAULT_OUT,
    window: Annotated[
        str | None,
        typer.Option(
            "--window", metavar="17:00-18:00", help="When, by the local clock; the first dispatch's by default."
        ),
    ] = None,
    action: Annotated[
        str | None, typer.Option("--action", metavar="A", help="turn_down, turn_up or discharge; likewise.")
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", help="Event days, from the config's start; 70 by default.")
    ] = None,
    methods: Annotated[
        str | None, typer.Option("--methods", metavar="A,B,...", help="Baselines, as in bl01,bl01_adjusted,zero.")
    ] = None,
    repeat: Annotated[
        str | None,
        typer.Option("--repeat", metavar="A,B,...", help="How often: once, weekly, twice_weekly, working_days."),
    ] = None,
    sets: Sets = None,
    seed: Seed = None,
    users: Users = None,
    strategy_file: StrategyFiles = None,
    no_plots: Annotated[bool, typer.Option("--no-plots", help="Draw no picture.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Tell how wrong named baselines are, by kind of day, number of assets and how often dispatches repeat."""
    from evsim._outputs import check_folder, staged
    from evsim._painter import Painter, draw_baseline_errors
    from evsim._reports.baselines import print_errors
    from evsim._reports.compare import progress_over_runs
    from evsim.analysis._cells import write_csv
    from evsim.analysis._truth_lab import baseline_errors
    from evsim.analysis._truth_plan import plan_lab

    began = time.perf_counter()
    check_folder(out)
    scenario = read(config, overrides(sets, seed, users, None), strategy_file)
    plan = plan_lab(scenario, window, action, days, _listed(methods), _listed(repeat))
    plan.scenario.check_fits(writes=True)
    if not quiet:
        warn(scenario)
    with nullcontext() if no_plots else Painter(draw_baseline_errors) as painter:
        with progress_over_runs(quiet=quiet) as update:
            errors = baseline_errors(plan, update)
        with staged(out, (CSV, PNG)) as folder:
            if painter is not None:
                painter.begin(errors, folder)
            write_csv(errors.table, folder / CSV)
            if painter is not None:
                painter.finish()
            written = sorted(path.name for path in folder.iterdir())
    if not quiet:
        print_errors(errors, out, written, time.perf_counter() - began)


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [part for part in text.split(",") if part.strip()]
