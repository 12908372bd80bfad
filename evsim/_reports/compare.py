"""What a comparison prints: a row for each variant, their differences to the first, and what is worth a sentence."""

from __future__ import annotations

import datetime as dt
import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from evsim.analysis import Comparison, Estimate, remarks

_WIDTH_IN_A_PIPE = 120
_GAP = 2
_LEAST_NAME, _MOST_NAME_SHARE = 12, 0.5
_INDENT = "  "
_BEFORE_SETTING = re.compile(r"(?=\+[A-Za-z_][\w.]*=)")
_DAYS_OF_A_MONTH = 28
"""In so many days a day of the month occurs once."""
_TENTHS = 99.95


class _Shown(NamedTuple):
    """A measure in the tables: its heading of two lines, its group, decimals, and times what it is shown.

    sign : behind a value; a difference has its unit in the heading, points
    """

    measure: str
    heading: str
    group: int
    decimals: int
    sign: str = ""
    times: float = 1


_COSTS, _NETWORK, _DRIVERS = range(3)
_MEASURES = (
    _Shown("gbp_per_user_year", "GBP a user\nand year", _COSTS, 0),
    _Shown("mean_p_per_kwh", "p\na kWh", _COSTS, 1),
    _Shown("g_per_kwh", "gCO2\na kWh", _COSTS, 0),
    _Shown("import_kwh", "\nkWh", _COSTS, 0),
    _Shown("export_kwh", "kWh\nback", _COSTS, 0),
    _Shown("peak_kw", "peak\nkW", _NETWORK, 0),
    _Shown("admd_kw", "peak kW\na user", _NETWORK, 2),
    _Shown("load_factor", "load\nfactor", _NETWORK, 0, "%", 100),
    _Shown("import_16_to_19_percent", "drawn\n16-19 h", _NETWORK, 0, "%"),
    _Shown("n_users_short", "users\nshort", _DRIVERS, 0),
    _Shown("short_kwh", "kWh\nshort", _DRIVERS, 0),
    _Shown("short_miles", "miles\nshort", _DRIVERS, 0),
)
_IF_ANY = "export_kwh"
_PEAK_AT = "peak\nat"
_GROUPINGS = (((_COSTS, _NETWORK, _DRIVERS),), ((_COSTS,), (_NETWORK, _DRIVERS)), ((_COSTS,), (_NETWORK,), (_DRIVERS,)))
"""Which groups share a table, from a wide terminal to a narrow one."""


class _Column(NamedTuple):
    """A column of both tables: the values, and the differences to the first, which an instant has none of."""

    group: int
    heading: str
    cells: Sequence[str]
    less_heading: str = ""
    less: Sequence[str] = ()

    @property
    def width(self) -> int:
        """What it takes in the wider table, with the gap behind it [characters]."""
        headings = (*self.heading.split("\n"), *self.less_heading.split("\n"))
        return max(map(len, (*headings, *self.cells, *self.less))) + _GAP


@contextmanager
def progress_over_runs(*, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar with time left on a terminal; nothing in a pipe.

    It has no thread of its own to move it: while one lives, no process is forked to live a run.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(compact=True),
        console=Console(stderr=True), transient=True, auto_refresh=False,
    ) as bar:  # fmt: skip
        task = bar.add_task("simulating", total=None)

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, refresh=True)

        yield update


def print_comparison(comparison: Comparison, out: Path, written: Sequence[str], seconds: float) -> None:
    """Print the variants, their differences to the first, what stands out, and where the files are."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_IN_A_PIPE)
    for i, table in enumerate(tables(comparison, console.width)):
        if i:
            console.print()
        console.print(table)
    for block in (remarks(comparison), [_about(comparison)]):
        if block:
            console.print()
        for sentence in block:
            console.print(Text(sentence))
    console.print()
    console.print(Text(f"{out}/: {', '.join(written)}  ({seconds:.1f} s)"), soft_wrap=True)


def tables(comparison: Comparison, width: int) -> Iterator[Table]:
    """The variants, and under them their differences to the first: all in one table of each kind, if the width allows.

    Otherwise costs have tables of their own, and if need be network and drivers too. Differences of several seeds are
    with 95% confidence.
    """
    first, others = comparison.names[0], comparison.names[1:]
    title = _title(comparison)
    less_title = f"less {first}" + ("\n95% confidence" if comparison.seeds[1:] else "")
    room = width - _room_for_names((title, less_title, *comparison.names), width)
    for columns in _side_by_side(_columns(comparison), room):
        yield _table(title, comparison.names, [(c.heading, c.cells) for c in columns], width)
        less = [(c.less_heading, c.less) for c in columns if c.less]
        if less:
            yield _table(less_title, others, less, width)


def _columns(comparison: Comparison) -> list[_Column]:
    """All that is known: without a price there are no costs."""
    found: list[_Column] = []
    for shown in _MEASURES:
        means = comparison.means(shown.measure)
        if not any(math.isfinite(mean) and (mean or shown.measure != _IF_ANY) for mean, _ in means):
            continue
        cells = [_number(mean * shown.times, shown) for mean, _ in means]
        less = [Estimate(*(shown.times * value for value in e)) for e in comparison.differences(shown.measure)[1:]]
        points = "\npoints" if shown.sign else ""
        found.append(_Column(shown.group, shown.heading, cells, f"{shown.heading}{points}", _signed(less, shown)))
        if shown.measure == "peak_kw":
            found.append(_Column(_NETWORK, _PEAK_AT, [_peak_at(comparison, i) for i in range(len(cells))]))
    return found


def _peak_at(comparison: Comparison, variant: int) -> str:
    """`Wed 14 18:30`, with the first seed; of a run of more than four weeks, with the month."""
    text = str(comparison.outcomes[variant][0].measures.told["peak_at_local"])
    if not text:
        return "-"
    at = dt.datetime.fromisoformat(text)
    return f"{at:%a %d %b %H:%M}" if comparison.days > _DAYS_OF_A_MONTH else f"{at:%a %d %H:%M}"


def _side_by_side(columns: Sequence[_Column], room: int) -> list[list[_Column]]:
    """The columns that share a table: whole groups, or, where not even one fits, costs and then one after the other."""
    for grouping in _GROUPINGS:
        parts = [[column for column in columns if column.group in groups] for groups in grouping]
        if all(sum(column.width for column in part) <= room for part in parts):
            return [part for part in parts if part]
    costs, others = ([c for c in columns if (c.group == _COSTS) is is_cost] for is_cost in (True, False))
    return [*_cut(costs, room), *_cut(others, room)]


def _cut(columns: Sequence[_Column], room: int) -> list[list[_Column]]:
    """The columns in as many lines as they take."""
    pieces: list[list[_Column]] = []
    for column in columns:
        if pieces and sum(c.width for c in (*pieces[-1], column)) <= room:
            pieces[-1].append(column)
        else:
            pieces.append([column])
    return pieces


def _title(comparison: Comparison) -> str:
    n, seeds = max(comparison.n_users), comparison.seeds
    people = f"{n:,} {'user' if n == 1 else 'users'}, {comparison.days:,} day{'s' * (comparison.days > 1)}"
    return f"{people},\nseed {seeds[0]}" + (f" to {seeds[-1]}" if len(seeds) > 1 else "")


def _room_for_names(names: Sequence[str], width: int) -> int:
    """How wide the first column is at least: what the longest setting of a name takes."""
    least = max(len(line) for name in names for line in _lines(name, 0))
    return max(_LEAST_NAME, min(least, int(_MOST_NAME_SHARE * width))) + _GAP


def _table(title: str, names: Sequence[str], columns: Sequence[tuple[str, Sequence[str]]], width: int) -> Table:
    """Variants downward; names are broken before "+" where there is no room for them."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    table.add_column(title, overflow="fold", min_width=_LEAST_NAME, vertical="bottom")
    taken = _GAP
    for heading, cells in columns:
        table.add_column(heading, justify="right", no_wrap=True, vertical="bottom")
        taken += max(map(len, (*heading.split("\n"), *cells))) + _GAP
    room = max(_room_for_names((title, *names), width) - _GAP, width - taken)
    for i, name in enumerate(names):
        table.add_row(Text("\n".join(_lines(name, room))), *(cells[i] for _, cells in columns))
    return table


def _lines(name: str, room: int) -> list[str]:
    """A name in lines of at most so many characters, if its settings are no longer: each begins with a setting."""
    lines: list[str] = []
    for text in name.split("\n"):
        first, *settings = _BEFORE_SETTING.split(text)
        lines.append(first)
        for setting in settings:
            if len(lines[-1]) + len(setting) <= room:
                lines[-1] += setting
            else:
                lines.append(f"{_INDENT}{setting}")
    return lines


def _number(value: float, shown: _Shown) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:,.{_decimals(value, shown)}f}{shown.sign}"


def _decimals(value: float, shown: _Shown) -> int:
    """A tenth is worth printing of small powers."""
    return 1 if shown.measure == "peak_kw" and abs(value) < _TENTHS else shown.decimals


def _signed(estimates: Sequence[Estimate], shown: _Shown) -> list[str]:
    """`-88 ± 4`, one under the other."""
    texts, errors = [], []
    for mean, error in estimates:
        decimals = _decimals(mean, shown)
        rounded = round(mean, decimals) + 0.0 if math.isfinite(mean) else mean
        texts.append(f"{rounded:+,.{decimals}f}" if math.isfinite(mean) else "-")
        errors.append(f" ± {error:,.{decimals}f}" if math.isfinite(error) else "")
    width = max(map(len, errors), default=0)
    return [f"{text}{error:<{width}}" for text, error in zip(texts, errors, strict=True)]


def _about(comparison: Comparison) -> str:
    """What the numbers are."""
    short = "short: left below target."
    return (
        f"{short} Over {len(comparison.seeds)} seeds: means, peak at of the first." if comparison.seeds[1:] else short
    )
