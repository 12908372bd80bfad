"""What the question how much can be sold prints: firm power for the window, by length, and by half-hour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from evsim._reports.assets import console_of, plain_table
from evsim.analysis._envelope import Envelope, place_of
from evsim.analysis._firm import Firm
from evsim.analysis._local_days import clock_text
from evsim.analysis._possible import HALF_HOUR_S, N_STARTS

_PERCENT = 100
_NAMES = {"turn_down": "turn-down", "discharge": "discharge", "both": "both together", "turn_up": "turn-up"}
_BRIEF = {"turn_down": "down", "discharge": "disch.", "turn_up": "up"}
_SHORT = 15
"""The shortest products are in the file alone [min]."""
_FROM_MW = 10_000
_TENTHS = 99.95
_AROUND_S = 6 * HALF_HOUR_S
"""Half-hours that are printed before and after the beginning of a window; all are in the file."""


def print_firm(found: Firm, held: Envelope, out: Path, written: Sequence[str], seconds: float) -> None:
    """Print the tables, what they rest on, and where the files are."""
    console = console_of()
    for table in (_of_window(found), _by_length(found), _by_half_hour(found, held)):
        console.print(table)
        console.print()
    for sentence in _about(found):
        console.print(Text(sentence))
    console.print()
    console.print(Text(f"{out}/: {', '.join(written)}  ({seconds:.1f} s)"), soft_wrap=True)


def power(kw: float) -> str:
    """`665.8 kW` as `666 kW`; from 10 MW on in MW, small powers with a decimal."""
    if math.isnan(kw):
        return "-"
    if kw >= _FROM_MW:
        return f"{kw / 1000:,.2f} MW"
    return f"{kw:,.0f} kW" if kw >= _TENTHS or kw == 0 else f"{kw:,.1f} kW"


def _kinds(found: Firm) -> list[str]:
    """All, but for discharge where no car can."""
    has = found.best_kw("discharge") > 0
    return [kind for kind in found.kinds if has or kind not in ("discharge", "both")]


def _of_window(found: Firm) -> Table:
    firm = f"firm\n{_PERCENT * found.confidence:g}%"
    table = plain_table(f"{found.window}", [firm, "median\nday", "best\nday", "worst\nday", "firm\nat most"])
    for kind in _kinds(found):
        values = (found.firm_kw(kind), found.median_kw(kind), found.best_kw(kind), found.worst_kw(kind))
        table.add_row(_NAMES[kind], *map(power, (*values, found.most_firm_kw(kind))))
    return table


def _by_length(found: Firm) -> Table:
    begin = found.window.split("-")[0]
    table = plain_table(f"firm, from {begin} for", [f"{length:g} min" for length in found.lengths])
    for kind in _kinds(found):
        table.add_row(_NAMES[kind], *map(power, found.by_length_kw[found.kinds.index(kind)].tolist()))
    return table


def _by_half_hour(found: Firm, held: Envelope) -> Table:
    """Firm power round the window's beginning, of each kind for some lengths."""
    firm, shown = held.firm_kw(found.confidence), [kind for kind in _kinds(found) if kind != "both"]
    lengths = [i for i, length in enumerate(held.minutes) if length > _SHORT]
    cells = [(held.kinds.index(kind), i) for kind in shown for i in lengths]
    headings = [f"{_BRIEF[held.kinds[k]]}\n{held.minutes[i]} min" for k, i in cells]
    table = plain_table("firm kW\nfrom", headings)
    hour, minute = map(int, found.window.split("-")[0].split(":")[:2])
    middle = (hour * 60 + minute) * 60 // HALF_HOUR_S
    around = _AROUND_S // HALF_HOUR_S
    for start in ((middle + i) % N_STARTS for i in range(-around, around + 1)):
        table.add_row(clock_text(start * HALF_HOUR_S), *(_plain(float(firm[k, start, i])) for k, i in cells))
    return table


def _plain(kw: float) -> str:
    return "-" if math.isnan(kw) else f"{kw:,.0f}"


def _about(found: Firm) -> list[str]:
    """The rule, and whether there are days enough for it."""
    n, percent = len(found.days), _PERCENT * found.confidence
    k = place_of(n, found.confidence)
    rule = f"Firm: the {_ordinal(k)} best of {n} day{'s' * (n > 1)}, beside what the cars do in the run itself."
    told = [rule, "Firm at most: as if each quarter of an hour were sold alone, with the cars that are there then."]
    if n < found.days_wanted:
        few = "1 day is" if n == 1 else f"{n} days are"
        told.append(f"{few} too few to speak of {percent:g}%: it takes {found.days_wanted}, as in --days 28.")
    if "discharge" not in _kinds(found):
        told.append("No car can discharge; see v2g_percent.")
    return told


def _ordinal(k: int) -> str:
    end = {1: "st", 2: "nd", 3: "rd"}.get(k % 10, "th") if k % 100 not in (11, 12, 13) else "th"
    return f"{k}{end}"
