"""What a run prints: a progress bar, and a short table when it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from evsim._results import Peak, Results
from evsim._units import Ints

_WIDTH_IN_A_PIPE = 100
_COLUMNS = ("users", "sessions", "kWh", "kWh/session", "peak kW", "peak at")
_DISPENSABLE = ("kWh/session", "sessions", "peak at")
_LEAST_NAME = 12
_GAP = 2
_MEGA = 1_000


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal; gives the function that moves it to (done, total)."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
        TimeRemainingColumn(compact=True), console=Console(stderr=True), transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("simulating", total=None)

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            if done == total:  # how long writing takes is not known: that bar only moves
                bar.remove_task(task)
                bar.add_task("writing", total=None)

        yield update


def print_report(results: Results, out: Path, written: Sequence[str], seconds: float) -> None:
    """Print who charged how much and when, the proof of the run, and where its files are."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_IN_A_PIPE)
    console.print(_table(results, console.width))
    console.print()
    console.print(_certificate(results), soft_wrap=True)
    console.print(Text(f"{out}/: {', '.join(written)}  ({seconds:.1f} s)"), soft_wrap=True)


def _table(results: Results, width: int) -> Table:
    """Who charged how much and when; on a narrow terminal without what can be done without."""
    everybody = np.arange(len(results.archetypes))
    rows = [(name, _cells(results, np.array([i]), results.peaks[i])) for i, name in enumerate(results.archetypes)]
    rows.append(("all", _cells(results, everybody, results.peak)))
    shown = list(_COLUMNS)
    needed = {h: max(len(h), *(len(cells[h]) for _, cells in rows)) + _GAP for h in shown}
    for heading in _DISPENSABLE:
        if sum(needed[h] for h in shown) + _LEAST_NAME > width:
            shown.remove(heading)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    table.add_column("archetype", overflow="fold", min_width=_LEAST_NAME)
    for heading in shown:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, cells in rows:
        style = "bold" if name is rows[-1][0] else None
        table.add_row(Text(name), *(cells[heading] for heading in shown), style=style)
    return table


def _cells(results: Results, groups: Ints, peak: Peak) -> dict[str, str]:
    users, sessions = int(results.n_users[groups].sum()), int(results.n_sessions[groups].sum())
    kwh = float(results.import_kwh[groups].sum())
    values = (
        f"{users:,}",
        f"{sessions:,}",
        f"{kwh:,.0f}",
        f"{kwh / sessions:.1f}" if sessions else "-",
        f"{peak.kw:,.1f}" if peak.kw < _MEGA else f"{peak.kw:,.0f}",
        results.clock.local_words(peak.at) if peak.kw > 0 else "-",
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _certificate(results: Results) -> Text:
    proof = results.certificate
    return Text(
        f"certificate: every user's energy adds up to {proof.max_residual_kwh:.0e} kWh (worst user), "
        f"SoC stays within {proof.min_soc:.0%} and {proof.max_soc:.0%}, "
        f"event log and time series agree to {abs(proof.events_less_series_kwh):.0e} kWh"
    )
