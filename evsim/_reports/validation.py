"""What a validation prints: a run beside the facts, section by section."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from evsim._results import Results
from evsim._units import HOURS_PER_DAY
from evsim._validation.rows import SURE, Row, Section
from evsim._version import __version__

_WIDTH_IN_A_PIPE = 100
_GAP = 2
_HOURS_PER_GROUP = 3


def print_validation(results: Results, sections: Sequence[Section]) -> None:
    """Print every section, as wide as the terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_IN_A_PIPE)
    console.print(Text(f"{_run_words(results)}, beside what was measured elsewhere"))
    console.print(Text(f"agrees: within {SURE:g} standard errors of this sample of people"))
    for section in sections:
        console.print()
        console.print(Text(section.title, style="bold"))
        console.print(Text(f"source: {section.source}"))
        console.print(_table(section))
        if section.hours:
            console.print(_hours(section))
        for note in section.notes:
            console.print(Padding(Text(note), (0, 0, 0, _GAP)))


def print_json(results: Results, sections: Sequence[Section]) -> None:
    """The same for programs."""
    told = {
        "evsim_version": __version__,
        "config_hash": results.scenario.config_hash,
        "run": _run_words(results),
        "sections": [section.to_dict() for section in sections],
    }
    typer.echo(json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False))


def _run_words(results: Results) -> str:
    settings, n = results.scenario.simulation, int(results.n_users.sum())
    people, days = "person" if n == 1 else "people", "day" if settings.days == 1 else "days"
    return f"{n:,} {people}, {settings.days:,} {days} from {settings.start:%a %d %b %Y}, seed {settings.seed}"


def _plain_table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    table.add_column(columns[0], no_wrap=True)
    for heading in columns[1:]:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _table(section: Section) -> Table:
    table = _plain_table("", "evsim", "expected", "more")
    table.add_column("verdict", overflow="fold")
    for name, rows in section.groups.items():
        table.add_row(Text(name, style="italic"))
        for row in rows:
            table.add_row(Text(f"  {row.what}"), *_numbers(row), Text(row.verdict))
    return table


def _numbers(row: Row) -> tuple[str, str, str]:
    def shown(value: float, sign: str = "") -> str:
        if not math.isfinite(value):
            return "-"
        return f"{round(value, row.decimals) + 0.0:{sign},.{row.decimals}f}"

    unit = "%" if row.unit == "%" else ""
    return shown(row.measured) + unit, shown(row.expected) + unit, shown(row.difference, "+") + unit


def _hours(section: Section) -> Table:
    """Shares of three hours each, evsim's before the survey's."""
    headings = (name.replace(", ", "\n") for name in section.hours)
    table = _plain_table("  % of evsim / survey,\n  from hour to hour", *headings)
    for i, first in enumerate(range(0, HOURS_PER_DAY, _HOURS_PER_GROUP)):
        pairs = ((both["measured"][i], both["expected"][i]) for both in section.hours.values())
        cells = (f"{ours:.0f} / {theirs:.0f}" for ours, theirs in pairs)
        table.add_row(Text(f"  {first:02d}-{first + _HOURS_PER_GROUP:02d}"), *cells)
    return table
