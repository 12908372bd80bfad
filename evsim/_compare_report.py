"""What a comparison prints: a row for each variant, their differences to the first, and what is worth a sentence."""

from __future__ import annotations

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

from evsim.analysis import Comparison, Estimate

_WIDTH_IN_A_PIPE = 120
_GAP = 2
_LEAST_NAME, _MOST_NAME_SHARE = 12, 0.5
_INDENT = "  "
_BEFORE_SETTING = re.compile(r"(?=\+[A-Za-z_][\w.]*=)")
_HIGHER, _LOWER = 1.05, 0.8
"""A peak this many times the first's, or more, or less, is worth a sentence."""
_TOGETHER_PERCENT = 20
"""From this share of charges on, those that start in one minute make the peak: our choice."""
_MORE_PUBLIC = 0.02
"""More energy charged in public than with the first, as a share of what is drawn, that is worth a sentence."""
_TENTHS = 99.95


class _Shown(NamedTuple):
    """A measure in the tables: its heading of two lines, decimals, and the same for its difference.

    is_dispensable : 0, or else the higher the sooner it is left out on a narrow terminal
    """

    measure: str
    heading: str
    decimals: int
    is_dispensable: int = 0


_MEASURES = (
    _Shown("gbp_per_user_year", "GBP a user\nand year", 0),
    _Shown("p_per_kwh", "p\na kWh", 1, 3),
    _Shown("g_per_kwh", "gCO2\na kWh", 0),
    _Shown("peak_kw", "peak\nkW", 0),
    _Shown("admd_kw", "peak kW\na user", 2, 4),
    _Shown("load_factor_percent", "load\nfactor", 0, 7),
    _Shown("evening_percent", "drawn\n16-19 h", 0, 2),
    _Shown("import_kwh", "\nkWh", 0, 1),
    _Shown("short_users", "users\nshort", 0),
    _Shown("short_kwh", "kWh\nshort", 0, 5),
    _Shown("short_miles", "miles\nshort", 0, 6),
)
_PEAK_AT, _PEAK_AT_DISPENSABLE = "peak at", 8


class _Column(NamedTuple):
    heading: str
    cells: Sequence[str]
    is_dispensable: int

    @property
    def width(self) -> int:
        """What it takes, with the gap behind it [characters]."""
        return max(map(len, (*self.heading.split("\n"), *self.cells))) + _GAP


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
    console.print(_variants(comparison, console.width))
    if len(comparison.names) > 1:
        console.print()
        console.print(_differences(comparison, console.width))
    for block in (remarks(comparison), [_about(comparison)]):
        if block:
            console.print()
        for sentence in block:
            console.print(Text(sentence))
    console.print()
    console.print(Text(f"{out}/: {', '.join(written)}  ({seconds:.1f} s)"), soft_wrap=True)


def _variants(comparison: Comparison, width: int) -> Table:
    columns = [
        _Column(shown.heading, [_number(e.mean, shown) for e in comparison.means(shown.measure)], shown.is_dispensable)
        for shown in _known(comparison)
    ]
    clock = comparison.clock
    at = [clock.local_words(when) for when in clock.to_utc(comparison.values("peak_at_s")[:, 0])]
    place = next(i for i, column in enumerate(columns) if column.heading == "peak\nkW")
    columns.insert(place + 1, _Column(_PEAK_AT, at, _PEAK_AT_DISPENSABLE))
    return _table(_title(comparison), comparison.names, columns, width)


def _differences(comparison: Comparison, width: int) -> Table:
    """Differences to the first, with 95% confidence where there are several seeds."""
    columns = [
        _Column(
            shown.heading,
            _signed(comparison.differences(shown.measure)[1:], shown),
            shown.is_dispensable,
        )
        for shown in _known(comparison)
    ]
    confidence = "\n95% confidence" if len(comparison.seeds) > 1 else ""
    return _table(f"less {comparison.names[0]}{confidence}", comparison.names[1:], columns, width)


def _title(comparison: Comparison) -> str:
    n, seeds = max(comparison.n_users), comparison.seeds
    people = f"{n:,} {'user' if n == 1 else 'users'}, {comparison.days:,} day{'s' * (comparison.days > 1)}"
    return f"{people},\nseed {seeds[0]}" + (f" to {seeds[-1]}" if len(seeds) > 1 else "")


def _known(comparison: Comparison) -> list[_Shown]:
    """The measures of which something is known: without a price there are no costs."""

    def is_known(shown: _Shown) -> bool:
        return any(math.isfinite(estimate.mean) for estimate in comparison.means(shown.measure))

    return [shown for shown in _MEASURES if is_known(shown)]


def _table(title: str, names: Sequence[str], columns: list[_Column], width: int) -> Table:
    """Variants downward; on a narrow terminal without what can best be done without, and names broken before "+"."""
    least = max(len(line) for text in (title, *names) for line in _lines(text, 0))
    least = max(_LEAST_NAME, min(least, int(_MOST_NAME_SHARE * width)))
    while sum(column.width for column in columns) > width - least and any(c.is_dispensable for c in columns):
        columns.remove(max(columns, key=lambda column: column.is_dispensable))
    room = max(least, width - sum(column.width for column in columns))  # the last gap is that behind the name
    broken = ["\n".join(_lines(name, room)) for name in names]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    table.add_column(title, overflow="fold", min_width=_LEAST_NAME, vertical="bottom")
    for column in columns:
        table.add_column(column.heading, justify="right", no_wrap=True, vertical="bottom")
    for i, name in enumerate(broken):
        table.add_row(Text(name), *(column.cells[i] for column in columns))
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
    unit = "%" if shown.measure.endswith("_percent") else ""
    return f"{value:,.{_decimals(value, shown)}f}{unit}"


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


def remarks(comparison: Comparison) -> list[str]:
    """Sentences about what a table does not say: cars that start together, and energy that is bought elsewhere."""
    return [*_herds(comparison), *_elsewhere(comparison)]


def _herds(comparison: Comparison) -> Iterator[str]:
    """Variants whose peak is higher than the first's, and what makes it; and those whose peak is much lower."""
    first, *others = comparison.outcomes
    peak_kw = first[0].measures.peak_kw
    for name, (outcome, *_) in zip(comparison.names[1:], others, strict=True):
        mine = outcome.measures
        if peak_kw <= 0 or _LOWER * peak_kw <= mine.peak_kw < _HIGHER * peak_kw:
            continue
        is_lower, why = mine.peak_kw < peak_kw, ""
        if not is_lower and mine.start_percent >= _TOGETHER_PERCENT:
            minutes = int(mine.start_s) // 60
            why = f": {mine.start_percent:.0f}% of its charges start at {minutes // 60:02d}:{minutes % 60:02d}"
        yield f"{name}: peak {mine.peak_kw / peak_kw:.{1 + is_lower}f} x that of {comparison.names[0]}{why}"


def _elsewhere(comparison: Comparison) -> Iterator[str]:
    """Variants under which more is charged in public, which costs nothing here."""
    more_kwh = comparison.differences("public_kwh")
    drawn_kwh = comparison.means("import_kwh")
    for name, more, drawn in list(zip(comparison.names, more_kwh, drawn_kwh, strict=True))[1:]:
        if drawn.mean > 0 and more.mean > _MORE_PUBLIC * drawn.mean:
            yield (
                f"{name}: {more.mean:,.0f} kWh more than with {comparison.names[0]} are charged in public; "
                "what they cost and emit is not counted"
            )
