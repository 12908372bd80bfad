"""What a run prints: a progress bar, and a short table when it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from evsim._results import Peak, Results
from evsim._units import Ints

_WIDTH_IN_A_PIPE = 100
_MEGA = 1_000


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal; gives the function that moves it to (done, total)."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(compact=True), console=Console(stderr=True), transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("simulating", total=None)

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, description="writing" if done == total else "simulating")

        yield update


def print_report(results: Results, out: Path, written: Sequence[str], seconds: float) -> None:
    """Print who charged how much and when, the proof of the run, and where its files are."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_IN_A_PIPE)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("archetype", overflow="fold", ratio=1)
    for heading in ("users", "sessions", "kWh", "kWh/session", "peak kW", "peak at"):
        table.add_column(heading, justify="right", no_wrap=True)
    for i, name in enumerate(results.archetypes):
        table.add_row(Text(name), *_cells(results, np.array([i]), results.peaks[i]))
    everybody = np.arange(len(results.archetypes))
    table.add_row(Text("all", style="bold"), *_cells(results, everybody, results.peak), style="bold")
    console.print(table)
    console.print()
    console.print(_certificate(results), soft_wrap=True)
    console.print(Text(f"{out}/: {', '.join(written)}  ({seconds:.1f} s)"), soft_wrap=True)


def _cells(results: Results, groups: Ints, peak: Peak) -> list[str]:
    users, sessions = int(results.n_users[groups].sum()), int(results.n_sessions[groups].sum())
    kwh = float(results.import_kwh[groups].sum())
    return [
        f"{users:,}",
        f"{sessions:,}",
        f"{kwh:,.0f}",
        f"{kwh / sessions:.1f}" if sessions else "-",
        f"{peak.kw:,.1f}" if peak.kw < _MEGA else f"{peak.kw:,.0f}",
        results.clock.local_words(peak.at) if peak.kw > 0 else "-",
    ]


def _certificate(results: Results) -> Text:
    proof = results.certificate
    return Text(
        f"certificate: every user's energy adds up to {proof.max_residual_kwh:.0e} kWh (worst user), "
        f"SoC stays within {proof.min_soc:.0%} and {proof.max_soc:.0%}, "
        f"event log and time series agree to {abs(proof.events_less_series_kwh):.0e} kWh"
    )
