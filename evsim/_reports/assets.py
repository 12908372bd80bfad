"""What the question who can do what prints: how many on a day, by archetype, or by hour what is possible."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evsim._units import SECONDS_PER_HOUR, Anything
from evsim.analysis._assets import Assets
from evsim.analysis._local_days import clock_text
from evsim.analysis._possible import HALF_HOUR_S, STATES, Possible

_WIDTH_IN_A_PIPE = 100
_GAP = 2
_PERCENT = 100
_OFTEN = 0.5
_HEADINGS = {
    "plugged_in": "plugged in",
    "turn_down": "could turn down",
    "turn_up": "could turn up",
    "discharge": "could discharge",
}


def console_of() -> Console:
    """The terminal, or a pipe of a fixed width."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDTH_IN_A_PIPE)


def plain_table(first: str, headings: Sequence[str]) -> Table:
    """A table without lines: names at the left, numbers at the right."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    table.add_column(first, overflow="fold", vertical="bottom")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True, vertical="bottom")
    return table


def print_assets(found: Assets | None, counted: Possible, out: Path, written: Sequence[str], seconds: float) -> None:
    """Print who can, or what is possible by hour; and where the files are."""
    console = console_of()
    if found is None:
        console.print(_by_hour(counted))
        console.print()
        console.print(Text("Cars: mean over the days (what holds the middle 80% of them)."))
    else:
        for sentence in _asked(found):
            console.print(Text(sentence))
        console.print()
        console.print(_by_archetype(found))
        console.print()
        for sentence in _about(found):
            console.print(Text(sentence))
    console.print()
    names = ", ".join(written) or "no file"
    console.print(Text(f"{out}/: {names}  ({seconds:.1f} s)"), soft_wrap=True)


def asked_in_a_line(found: Assets) -> str:
    """What was asked, and the answer, as a line under a title."""
    every = found.counts[-1]
    return f"Asked: {', '.join(found.criteria)}: {_number(every.mean)} cars a day ({_PERCENT * every.share:.1f}%)"


def _asked(found: Assets) -> list[str]:
    return ["Asked of each car, on each day:", *(f"  {text}" for text in found.criteria)]


def _by_archetype(found: Assets) -> Table:
    table = plain_table("", ["users", "mean\na day", "least", "most", "share\nof users"])
    for count in found.counts:
        share = f"{_PERCENT * count.share:.1f}%" if count.n_users else "-"
        cells = f"{count.n_users:,}", _number(count.mean), f"{count.least:,}", f"{count.most:,}", share
        table.add_row(Text(count.name), *cells)
    return table


def _about(found: Assets) -> list[str]:
    """The days, how sure single cars are, and whether the yeses would have been ready in fact."""
    n, probability = found.n_days, found.probability[found.who]
    each, often = int((probability == 1).sum()), int((probability >= _OFTEN).sum())
    never = int((probability == 0).sum())
    told = [
        f"{n:,} day{'s' * (n > 1)}, noon to noon: {_dates(found.days)}.",
        f"Cars: {each:,} on every day, {often:,} on half of the days or more, {never:,} on none.",
    ]
    share = found.ready_in_fact_share
    if share is not None:
        told.append(f"Ready by the departure that came: {_PERCENT * share:.1f}% of these.")
    return told


def _dates(days: Anything) -> str:
    """`Mon 12 Jan to Sun 18 Jan 2026`."""
    first, last = (day.astype(dt.date) for day in (days[0], days[-1]))
    begin = "" if first == last else f"{first:%a} {first.day} {first:%b} to "
    return f"{begin}{last:%a} {last.day} {last:%b %Y}"


def _by_hour(counted: Possible) -> Table:
    """Means at full hours from noon on, and what holds 80% of the days."""
    shown = [i for i, state in enumerate(STATES) if state != "discharge" or counted.can_discharge]
    table = plain_table("local", [_HEADINGS[STATES[i]] for i in shown])
    total, (low, high) = counted.mean.sum(axis=2), counted.band
    per_hour = SECONDS_PER_HOUR // HALF_HOUR_S
    starts = np.roll(np.arange(0, len(total), per_hour), -len(total) // (2 * per_hour))
    for start in starts.tolist():
        cells = [_spread(total[start, i], low[start, i], high[start, i]) for i in shown]
        table.add_row(clock_text(start * HALF_HOUR_S), *cells)
    return table


def _spread(mean: float, low: float, high: float) -> str:
    return "-" if np.isnan(mean) else f"{_number(mean)} ({low:,.0f}-{high:,.0f})"


def _number(mean: float) -> str:
    return f"{mean:,.0f}" if mean >= 99.95 or mean == 0 else f"{mean:,.1f}"  # noqa: PLR2004 - rounds to 100.0
