"""What a truth lab prints: a table for each kind of day, what stands out, and what the numbers are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evsim.analysis._truth_errors import Cell
from evsim.analysis._truth_lab import FEW_DAYS, BaselineErrors
from evsim.analysis._truth_plan import REPEATS
from evsim.analysis._truth_remarks import DAYS, first_cells, truth_remarks
from evsim.market._readings import as_date

_WIDTH_IN_A_PIPE = 120
_GAP = 2
_GROUPS = ("off by", "bias", "over")
_HEADS = {
    "once": "bias %\nonce",
    "weekly": "bias %\nweekly",
    "twice_weekly": "bias %\ntwice\na week",
    "working_days": "bias %\nevery\nworkday",
}
_MARK = "*"
"""Behind a bias of which some days have no history."""


def print_errors(errors: BaselineErrors, out: Path, written: Sequence[str], seconds: float) -> None:
    """Print the tables, what stands out, the definitions, and where the files are."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_IN_A_PIPE)
    console.print(Text(headline(errors)))
    for table in tables(errors, console.width):
        console.print()
        console.print(table)
    console.print()
    for sentence in (*truth_remarks(errors), "", *definitions(errors), ""):
        console.print(Text(sentence))
    console.print(Text(f"{out}/: {', '.join(written)}  ({seconds:.1f} s)"), soft_wrap=True)


def headline(errors: BaselineErrors) -> str:
    """What was asked of whom, and when."""
    ask = errors.ask
    target = "without a target" if ask.target_kw is None else f"to a target of {ask.target_kw:,g} kW"
    target = "" if "without a target" in ask.source else f" {target}"
    return (
        f"{ask.action} {ask.clock}{target} ({ask.source}), asked of {errors.n_assets:,} of {errors.n_users:,} assets; "
        f"{sum(errors.n_days.values())} event days, {as_date(errors.first_day):%a %d %b %Y} to "
        f"{as_date(errors.last_day):%a %d %b %Y}, after {errors.history_days} undisturbed days; seed {errors.seed}"
    )


def tables(errors: BaselineErrors, width: int) -> Iterator[Table]:
    """For each kind of day a row for each method; of few days in grey. On a narrow terminal in two parts."""
    for day_type, name in DAYS.items():
        n = errors.n_days[day_type]
        if not n:
            continue
        is_rough = n < FEW_DAYS
        title = f"{name.removesuffix(' days').capitalize()}\n({n} days{', few' * is_rough})"
        columns = _columns(errors, day_type)
        names = max(map(len, (*title.split("\n"), *errors.methods))) + _GAP
        fits = names + sum(_wide(column) for column in columns) <= width
        for part in (_GROUPS,) if fits else tuple((group,) for group in _GROUPS):
            table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
            table.add_column(title, no_wrap=True, vertical="bottom")
            shown = [column for column in columns if column.group in part]
            for column in shown:
                table.add_column(column.heading, justify="right", no_wrap=True, vertical="bottom")
            for i, method in enumerate(errors.methods):
                table.add_row(method, *(column.cells[i] for column in shown), style="dim" if is_rough else None)
            yield table


class _Column(NamedTuple):
    group: str
    heading: str
    cells: Sequence[str]


def _wide(column: _Column) -> int:
    return max(map(len, (*column.heading.split("\n"), *column.cells))) + _GAP


def _columns(errors: BaselineErrors, day_type: str) -> list[_Column]:
    n, first = errors.n_assets, errors.repeats[0]

    def cells(repeat: str, size: int, show: Callable[[Cell | None], str]) -> list[str]:
        return [show(errors.cell(method, repeat, day_type, size)) for method in errors.methods]

    return [
        *(_Column("off by", f"off by\n{_assets(size)}", cells(first, size, _off)) for size in errors.sizes),
        *(_Column("bias", _HEADS[repeat], cells(repeat, n, _bias)) for repeat in errors.repeats),
        *(
            _Column("over", f"over-\ncredit\n{_assets(size)}", cells(first, size, _over))
            for size in dict.fromkeys((errors.sizes[0], n))
        ),
    ]


def _assets(size: int) -> str:
    return f"{size:,}{' asset' * (size == 1)}"


def _off(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    return f"{_number(cell.mae_percent)}%" if math.isfinite(cell.mae_percent) else f"{cell.mae_kwh:.3f} kWh"


def _over(cell: Cell | None) -> str:
    ok = cell is not None and math.isfinite(cell.over_credit_percent)
    return f"{_number(cell.over_credit_percent)}%" if ok and cell is not None else "-"


def _bias(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    if not math.isfinite(cell.bias_percent):
        return f"{round(cell.bias_kwh, 3) + 0.0:+.3f} kWh"
    text = f"{round(cell.bias_percent, 1) + 0.0:+.1f}"
    if cell.without_history_percent > 0:
        return f"{text}{_MARK}"
    error = cell.bias_error_percent
    return text if not error > 0 else f"{text} ± {error:.1f}"


def _number(value: float) -> str:
    """One decimal of what is small."""
    return f"{value:,.1f}" if value < 9.95 else f"{value:,.0f}"  # noqa: PLR2004 - rounds to 10.0


def definitions(errors: BaselineErrors) -> Iterator[str]:
    """What the columns are, and of how many samples."""
    first, n = REPEATS[errors.repeats[0]], errors.n_assets
    yield "In % of the energy in the window without any dispatch (same people, same luck), summed over groups and days:"
    yield f"  off by       |baseline - that energy|, for groups of so many assets, dispatched {first}"
    yield f"  bias         baseline - that energy, all {n:,} assets; ± 95% confidence, from week to week"
    if any(cell.without_history_percent > 0 for cell in errors.cells):
        yield f"  {_MARK:<12} on some days too little history is left: the baseline is what was metered, nothing counts"
    yield f"  over-credit  credited beyond what was truly delivered, in % of that; each group alone, dispatched {first}"
    samples: list[str] = []
    told: list[str] = []
    for day_type, name in DAYS.items():
        cells = [c for size in errors.sizes for c in first_cells(errors, day_type, size)[:1]]
        if cells:
            told.append(f"{cells[-1].delivered_kwh:.3g} of {cells[-1].counterfactual_kwh:.3g} kWh on {name}")
        if cells and not samples:
            samples = [f"{c.n_groups:,} of {_assets(c.n_assets)}" for c in cells]
    if told:
        yield f"Groups, on each day: {', '.join(samples)}. Truly delivered, an asset and day: {', '.join(told)}."
