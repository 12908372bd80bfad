"""`python -m evsim firm`: how much power could be sold, and be there on most days."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from evsim._commands.assets import Source, scenario_of
from evsim._commands.parts import (
    DEFAULT_CONFIG,
    DEFAULT_OUT,
    Days,
    Seed,
    Sets,
    StrategyFiles,
    Users,
    overrides,
    progress,
    told,
    warn,
)
from evsim._errors import ConfigError

FIRM_FILES = ("firm.csv", "firm_power.png")
"""All that this may write."""
_PERCENT = 100


@told
def firm_command(
    source: Source = DEFAULT_CONFIG,
    window: Annotated[
        str, typer.Option("--window", metavar="FROM-TO", help="Local times, as in 17:00-18:00.")
    ] = "17:00-18:00",
    confidence: Annotated[
        str, typer.Option("--confidence", metavar="PERCENT", help="On how many % of the days it must be there.")
    ] = "90",
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for the results.")] = None,
    sets: Sets = None,
    seed: Seed = None,
    users: Users = None,
    days: Days = None,
    strategy_file: StrategyFiles = None,
    no_plots: Annotated[bool, typer.Option("--no-plots", help="Draw no picture.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Say how much power the cars can hold for a whole window, on most days."""
    from evsim._outputs import check_folder, staged
    from evsim._reports.firm import print_firm
    from evsim._simulator import simulate
    from evsim.analysis._cells import write_csv
    from evsim.analysis._envelope import envelope
    from evsim.analysis._firm import firm
    from evsim.analysis._local_days import Window, typed_number

    began = time.perf_counter()
    folder = out or (source if source.is_dir() else DEFAULT_OUT)
    check_folder(folder)
    begin, dash, end = window.partition("-")
    if not dash:
        raise ConfigError(f"--window: {window} is not a window; give two times of day, as in 17:00-18:00")
    Window.typed(begin, end, "--window")
    share = typed_number(confidence, "--confidence", "%", _PERCENT) / _PERCENT
    if not share:
        raise ConfigError("--confidence: 0 asks for nothing; give a percentage over 0, as in 90")
    scenario = scenario_of(source, overrides(sets, seed, users, days), strategy_file)
    if scenario.dispatches:
        scenario = scenario.without_dispatches()
        typer.echo("note: dispatches: left out; what can be sold is counted beside the run without them", err=True)
    scenario.check_fits()
    if not quiet:
        warn(scenario)
    with progress(quiet) as update:
        results = simulate(scenario, update)
        found = firm(results, begin, end, share, "--window")
        held = envelope(results)
    with staged(folder, FIRM_FILES) as staging:
        write_csv(held.table(share), staging / "firm.csv")
        if not no_plots:
            from evsim.plots import save_firm

            save_firm(results, held, found, staging)
        written = sorted(path.name for path in staging.iterdir())
    if not quiet:
        print_firm(found, held, folder, written, time.perf_counter() - began)
