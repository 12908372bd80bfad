"""`python -m evsim sweep`: every combination of settings, several seeds each, in one table."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evsim._commands.parts import (
    DEFAULT_CONFIG,
    DEFAULT_OUT,
    Config,
    Days,
    Seed,
    StrategyFiles,
    Users,
    overrides,
    strategies_of,
    told,
)

if TYPE_CHECKING:
    from evsim.analysis._grid import Plan

SWEEP_OUT = DEFAULT_OUT / "sweep"
_MOST_NOTES = 3

Lists = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE,...", help="Values of a setting, as in population_size=100,1000."),
]


@told
def sweep(
    config: Config = DEFAULT_CONFIG,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the table.")] = SWEEP_OUT,
    sets: Lists = None,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="How often, each with another luck.")] = 1,
    seed: Seed = None,
    users: Users = None,
    days: Days = None,
    strategy_file: StrategyFiles = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", min=1, help="Runs at a time; by default, one for each core.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Run every combination of settings; leave one table. What is done already is not done again."""
    from evsim._outputs import check_folder
    from evsim.analysis._grid import plan_sweep
    from evsim.analysis._sweep import CSV, PARQUET, carry_out

    began = time.perf_counter()
    check_folder(out)
    files = strategy_file or []
    plan = plan_sweep(config, overrides(sets, seed, users, days), seeds, strategies_of(files))
    if not quiet:
        _warn(plan)
    with _listener(plan, quiet=quiet) as listener:
        done = carry_out(plan, out, files, jobs or _n_cores(), listener)
    if not quiet:
        typer.echo(
            f"{out}/: {CSV}, {PARQUET}  ({_counted(done.n_rows, 'row')}; {_counted(done.n_lived, 'run')} now, "
            f"{done.n_reused:,} from before; {time.perf_counter() - began:.1f} s)"
        )


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _counted(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'s' * (n != 1)}"


def _warn(plan: Plan) -> None:
    for text in plan.notes[:_MOST_NOTES]:
        typer.echo(f"note: {text}", err=True)
    if len(plan.notes) > _MOST_NOTES:
        typer.echo(
            f"note: and {len(plan.notes) - _MOST_NOTES:,} more; `evsim check` tells those of one config", err=True
        )


class _Listener:
    """Says what begins, in a line, and moves a bar on a terminal."""

    def __init__(self, plan: Plan, moves: Callable[[int, int, float], None] | None, *, quiet: bool) -> None:
        self._plan, self._moves, self._quiet = plan, moves, quiet

    def begins(self, n_runs: int, n_reused: int, jobs: int) -> None:
        if self._quiet:
            return
        n_combinations = len(self._plan.runs) // self._plan.n_seeds
        reused = f"; {n_reused:,} done before" if n_reused else ""
        typer.echo(
            f"{_counted(n_combinations, 'combination')} x {_counted(self._plan.n_seeds, 'seed')}: "
            f"{_counted(n_runs, 'run')} to do, {jobs:,} at a time{reused}",
            err=True,
        )

    def moves(self, n_done: int, n_runs: int, part: float) -> None:
        if self._moves is not None:
            self._moves(n_done, n_runs, part)


@contextmanager
def _listener(plan: Plan, *, quiet: bool) -> Iterator[_Listener]:
    if quiet or not sys.stderr.isatty():
        yield _Listener(plan, None, quiet=quiet)
        return
    from evsim._reports.run import sweep_bar

    with sweep_bar() as moves:
        yield _Listener(plan, moves, quiet=quiet)
