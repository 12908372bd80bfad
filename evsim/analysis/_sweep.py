"""A sweep: all runs of a plan that are not done yet, and one tidy table of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from evsim._outputs import staged
from evsim._tables import Table
from evsim._units import Anything
from evsim._version import __version__
from evsim.analysis._cells import column, measured_columns, write_csv
from evsim.analysis._grid import SEED, Plan, Run, shown_value
from evsim.analysis._journal import JOURNAL, Journal, Key, journal_in
from evsim.analysis._measures import Measured
from evsim.analysis._workers import live_all

CSV, PARQUET = "sweep.csv", "sweep.parquet"


class Listener(Protocol):
    """Who is told how a sweep goes."""

    def begins(self, n_runs: int, n_reused: int, jobs: int) -> None:
        """`n_runs` are to be lived, `jobs` at a time; `n_reused` were done before."""

    def moves(self, n_done: int, n_runs: int, part: float) -> None:
        """So many runs are done, and so much of the work [0-1]."""


class Outcome(NamedTuple):
    """What a sweep did: rows in its table, runs that were lived now, and those of earlier sweeps."""

    n_rows: int
    n_lived: int
    n_reused: int


def carry_out(plan: Plan, folder: Path, files: Sequence[Path], jobs: int, listener: Listener) -> Outcome:
    """Live what is not done yet, and write sweep.csv and sweep.parquet into `folder`.

    files : people's own strategies; jobs : runs at a time, fewer when they do not fit in memory together
    KeyboardInterrupt, and what a run raises, leaves what is done in the journal.
    """
    code = _code(files)
    keys = [Key(run.config_hash, __version__, code) for run in plan.runs]
    with journal_in(folder) as journal:
        pending = {key: run for key, run in zip(keys, plan.runs, strict=True) if key not in journal.done}
        n_reused = len(set(keys)) - len(pending)
        jobs = jobs_that_fit(list(pending.values()), jobs)
        listener.begins(len(pending), n_reused, jobs)
        try:
            _live(pending, journal, files, jobs, listener)
        except KeyboardInterrupt:
            n_done = len(set(keys) & journal.done.keys())
            raise KeyboardInterrupt(
                f"stopped; {n_done:,} of {len(set(keys)):,} runs are done and kept in {folder / JOURNAL}; "
                "the same command goes on from there"
            ) from None
        table = _table(plan, [journal.done[key] for key in keys])
        with staged(folder, ()) as place:
            write_csv(table, place / CSV)
            _write_parquet(table, place / PARQUET)
    return Outcome(len(keys), len(pending), n_reused)


def jobs_that_fit(runs: Sequence[Run], jobs: int, available_bytes: int | None = None) -> int:
    """How many may run at a time: even the largest, together, in the memory there is (this machine's); one at least."""
    if available_bytes is None:
        from psutil import virtual_memory

        available_bytes = int(virtual_memory().available)
    jobs = max(1, min(jobs, len(runs)))
    needs = sorted((run.needs_bytes for run in runs), reverse=True)
    while jobs > 1 and sum(needs[:jobs]) > available_bytes:
        jobs -= 1
    return jobs


def _live(pending: dict[Key, Run], journal: Journal, files: Sequence[Path], jobs: int, listener: Listener) -> None:
    """The largest first: then no core waits long for the last one."""
    ordered = sorted(pending.items(), key=lambda item: -item[1].user_days)
    runs = [run for _, run in ordered]
    total = sum(run.user_days for run in runs) or 1
    parts = [0.0] * len(runs)
    n_done, lived_days = 0, 0.0

    def tell(place: int, part: float) -> None:
        nonlocal lived_days
        lived_days += (part - parts[place]) * runs[place].user_days
        parts[place] = part
        listener.moves(n_done, len(runs), lived_days / total)

    with closing(live_all(runs, files, jobs, tell)) as done:
        for lived in done:
            journal.note(ordered[lived.place][0], lived.measured, lived.simulate_s)
            n_done += 1
            tell(lived.place, 1.0)


def _code(files: Sequence[Path]) -> str:
    """A hash of people's own strategy files: with other rules a run is another."""
    return sha256(b"".join(sha256(file.read_bytes()).digest() for file in files)).hexdigest() if files else ""


def _table(plan: Plan, measured: Sequence[Measured]) -> Table:
    """One row for each combination and seed, in the order of the plan."""
    columns: dict[str, Anything] = {}
    for i, setting in enumerate(plan.settings):
        if setting.path != SEED:
            columns[setting.path] = column([shown_value(run.typed[i]) for run in plan.runs])
    columns["seed"] = column([run.seed for run in plan.runs])
    columns["config_hash"] = np.array([run.config_hash for run in plan.runs], object)
    columns |= measured_columns(measured)
    return Table(columns)


def _write_parquet(table: Table, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table.to_arrow(), path, compression="zstd")
