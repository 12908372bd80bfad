"""What a run prints: a progress bar, and a short table when it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from evsim._portrait import ALL, Quartiles, with_all
from evsim._results import Results
from evsim.market import SignalFacts, bills, has_bills, signal_facts

if TYPE_CHECKING:
    from evsim.market import Deliveries

_WIDTH_IN_A_PIPE = 100
_LEAST_NAME = 12
_ROOM_FOR_NAME = 20
"""A name may fold to this before anything is left out, and to the former when nothing more can be."""

_GAP = 2
_FEW_DIGITS = 1_000
_TENTHS = 99.95
"""Up to here a tenth is worth printing."""

_DISPENSABLE = ("kWh/session", "sessions", "peak back at", "peak at", "peak kW\nback")
_DISPENSABLE_OF_DRIVERS = ("miles\nshort", "time\nplugged", "kWh\nshort", "public\nkWh", "plug-ins\na day")
_DISPENSABLE_OF_BILLS = ("CO2\nkg", "paid\nGBP", "earned\nGBP", "net\nGBP")
_DISPENSABLE_OF_SESSIONS = (
    "SoC at\nplug-in",
    "hours\ncharging",
    "hours\nplugged in",
    "SoC at\nplug-in",
    "hours\ncharging",
)


class _Column(NamedTuple):
    """A heading of one line or two, a cell for each archetype and for all, and shorter ones for a narrow terminal."""

    heading: str
    cells: Sequence[str]
    brief: Sequence[str] | None = None

    @property
    def width(self) -> int:
        """What it takes, with the gap behind it [characters]."""
        return max(map(len, (*self.heading.split("\n"), *self.cells))) + _GAP


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal; gives the function that moves it to (done, total).

    While people are lived it has no thread of its own: such would keep a large run from using every core.
    """
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
        TimeRemainingColumn(compact=True), console=Console(stderr=True), transient=True, auto_refresh=False,
    ) as bar:  # fmt: skip
        task = bar.add_task("simulating", total=None)
        is_over = False

        def update(done: int, total: int) -> None:
            nonlocal task, is_over
            if is_over:  # the same people are lived once more, without dispatches or in the days before
                bar.remove_task(task)
                task, is_over = bar.add_task("simulating what would have been", total=None), False
            bar.update(task, completed=done, total=total, refresh=True)
            if done == total:  # how long writing takes is not known
                bar.remove_task(task)
                task, is_over = bar.add_task("writing", total=None), True
                bar.refresh()

        yield update


@contextmanager
def sweep_bar() -> Iterator[Callable[[int, int, float], None]]:
    """A bar on the terminal; gives the function that moves it to (runs done, runs in all, part of the work [0-1]).

    It has no thread of its own: such would keep a large run from using every core.
    """
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
        TimeRemainingColumn(compact=True), console=Console(stderr=True), transient=True, auto_refresh=False,
    ) as bar:  # fmt: skip
        task = bar.add_task("sweeping", total=1.0)

        def update(n_done: int, n_runs: int, part: float) -> None:
            bar.update(task, completed=part, description=f"{n_done:,} of {n_runs:,} runs", refresh=True)

        yield update


def print_report(
    results: Results, out: Path, written: Sequence[str], seconds: float, delivered: Deliveries | None = None
) -> None:
    """Print who charged how much and when, what came of dispatches, the proof of the run, and where its files are."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH_IN_A_PIPE)
    for table in (_totals, _drivers, _sessions, *([_bills] if has_bills(results) else [])):
        console.print(table(results, console.width))
        console.print()
    if delivered is not None:
        from evsim._reports.dispatch import dispatch_report

        console.print(dispatch_report(delivered))
        console.print()
    console.print(_notes(results), soft_wrap=True)
    console.print()
    console.print(_certificate(results), soft_wrap=True)
    console.print(Text(f"{out}/: {', '.join(written)}  ({seconds:.1f} s)"), soft_wrap=True)


def in_a_line(results: Results) -> str:
    """What a run came to: `1,000 users, 7 days: 89,964 kWh, peak 1,605 kW Fri 16 Jan 18:30, 47 short of target`."""
    users, days = int(results.n_users.sum()), results.scenario.simulation.days
    peak, short = results.peak, results.portrait_of_all.below_target.users
    given_kwh = results.export_kwh.sum()
    parts = [f"{results.import_kwh.sum():,.0f} kWh", *([f"{given_kwh:,.0f} kWh given back"] if given_kwh else [])]
    parts += [f"peak {peak.kw:,.4g} kW {results.clock.local_words(peak.at)}"]
    if has_bills(results):
        cost = bills(results).total.net_cost_gbp_per_year
        parts += [] if cost is None else [f"{cost:,.0f} GBP a user and year"]
    parts.append(f"{short:,} short of target")
    return f"{users:,} user{'s' * (users != 1)}, {days:,} day{'s' * (days != 1)}: {', '.join(parts)}"


def _totals(results: Results, width: int) -> Table:
    """Who charged how much and when."""
    users, sessions = with_all(results.n_users), with_all(results.n_sessions)
    kwh, peaks = with_all(results.import_kwh), (*results.peaks, results.peak)
    columns = [
        _Column("users", [f"{n:,.0f}" for n in users]),
        _Column("sessions", [f"{n:,.0f}" for n in sessions]),
        _Column("kWh", [f"{value:,.0f}" for value in kwh]),
        _Column("kWh/session", [f"{e / n:.1f}" if n else "-" for e, n in zip(kwh, sessions, strict=True)]),
        _Column("peak kW", [_kw(p.kw) for p in peaks]),
        _Column("peak at", [results.clock.local_words(p.at) if p.kw > 0 else "-" for p in peaks]),
        *_given_back(results),
    ]
    return _table("archetype", results, columns, _DISPENSABLE, width)


def _given_back(results: Results) -> list[_Column]:
    """What is exported, if anything is, and how high that goes."""
    if not results.export_kwh.any():
        return []
    peaks = (*results.export_peaks, results.export_peak)
    return [
        _Column("kWh\nback", [f"{value:,.0f}" for value in with_all(results.export_kwh)]),
        _Column("peak kW\nback", [_kw(p.kw) for p in peaks]),
        _Column("peak back at", [results.clock.local_words(p.at) if p.kw > 0 else "-" for p in peaks]),
    ]


def _kw(kw: float) -> str:
    return f"{kw:,.1f}" if kw < _FEW_DIGITS else f"{kw:,.0f}"


def _drivers(results: Results, width: int) -> Table:
    """What a driver does on average, and who leaves short of the target."""
    everybody = (*results.portrait, results.portrait_of_all)
    short = [p.below_target for p in everybody]
    columns = [
        _Column("miles\na year", [_number(p.miles_per_year) for p in everybody]),
        _Column("kWh\na year", [_number(p.kwh_per_year) for p in everybody]),
        _Column("plug-ins\na day", [_number(p.plug_ins_per_day, 2) for p in everybody]),
        _Column("time\nplugged", [_percent(p.plugged_in_share) for p in everybody]),
        _Column("public\nkWh", [_percent(p.public_share) for p in everybody]),
        _Column("users\nshort", [f"{s.users:,}" for s in short]),
        _Column("kWh\nshort", [_number(s.kwh) for s in short]),
        _Column("miles\nshort", [_number(s.miles) for s in short]),
    ]
    if results.scenario.recorded is not None:
        columns[1] = _Column("kWh a year\nfrom home", [_number(p.import_kwh_per_year) for p in everybody])
    if results.portrait_of_all.miles is None:
        columns = [column for column in columns if column.heading not in {"miles\na year", "public\nkWh"}]
    return _table("drivers", results, columns, _DISPENSABLE_OF_DRIVERS, width)


def _sessions(results: Results, width: int) -> Table:
    """What a session is like."""
    everybody = (*results.portrait, results.portrait_of_all)
    columns = [
        _spread("SoC at\nplug-in", [p.plug_in_soc for p in everybody], _percent, "%"),
        _spread("\nkWh", [p.session_kwh for p in everybody], _tenths),
        _spread("hours\nplugged in", [p.plugged_in_h for p in everybody], _tenths),
        _spread("hours\ncharging", [p.charging_h for p in everybody], _tenths),
    ]
    title = "sessions:\nmedian (quartiles)"
    return _table(title, results, columns, _DISPENSABLE_OF_SESSIONS, width)


def _bills(results: Results, width: int) -> Table:
    """What people pay and earn, and what is emitted for them; only what there is a price or an intensity of."""
    found, columns = bills(results), []
    everybody = (*found.by_archetype, found.total)
    if found.total.import_cost_gbp is not None:
        columns.append(_Column("paid\nGBP", [_tenths(b.import_cost_gbp) for b in everybody]))
    if found.total.export_kwh and found.total.export_income_gbp is not None:
        columns.append(_Column("earned\nGBP", [_tenths(b.export_income_gbp) for b in everybody]))
        columns.append(_Column("net\nGBP", [_tenths(b.net_cost_gbp) for b in everybody]))
    if found.total.import_cost_gbp is not None:
        columns.append(_Column("GBP a year\neach", [_tenths(b.net_cost_gbp_per_year) for b in everybody]))
        columns.append(_Column("paid\np/kWh", [_number(b.mean_import_p_per_kwh, 2) for b in everybody]))
    if found.total.carbon_kg is not None:
        columns.append(_Column("CO2\nkg", [_tenths(b.carbon_kg) for b in everybody]))
        columns.append(_Column("CO2\ng/kWh", [_number(b.mean_g_per_kwh) for b in everybody]))
    return _table("bills", results, columns, _DISPENSABLE_OF_BILLS, width)


def _spread(heading: str, values: Sequence[Quartiles | None], text: Callable[[float], str], unit: str = "") -> _Column:
    """`8.6 (3.9-14.0)`, medians one under the other; briefly, only these."""
    medians = ["-" if v is None else text(v.median) for v in values]
    ranges = [
        "" if v is None else f"({text(v.p25).removesuffix(unit)}-{text(v.p75).removesuffix(unit)})" for v in values
    ]
    before, behind = max(map(len, medians)), max(map(len, ranges))
    full = [f"{m:>{before}} {r:<{behind}}" for m, r in zip(medians, ranges, strict=True)]
    return _Column(heading, full, medians)


def _table(title: str, results: Results, columns: Sequence[_Column], dispensable: Sequence[str], width: int) -> Table:
    """Archetypes downward; on a narrow terminal without what can be done without: of a spread first the quartiles."""
    names = (*results.archetypes, ALL)
    longest = max(map(len, (*title.split("\n"), *names)))
    room = width - max(_LEAST_NAME, min(_ROOM_FOR_NAME, longest) + _GAP) + _GAP  # no gap behind the last column
    for heading in dispensable:
        if sum(column.width for column in columns) > room:
            columns = _without(heading, columns)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    table.add_column(title, overflow="fold", min_width=_LEAST_NAME, vertical="bottom")
    for column in columns:
        table.add_column(column.heading, justify="right", no_wrap=True, vertical="bottom")
    for i, name in enumerate(names):
        style = "bold" if i == len(results.archetypes) else None
        table.add_row(Text(name), *(column.cells[i] for column in columns), style=style)
    return table


def _without(heading: str, columns: Sequence[_Column]) -> list[_Column]:
    kept = []
    for column in columns:
        if column.heading != heading:
            kept.append(column)
        elif column.brief is not None:
            kept.append(_Column(heading, column.brief))
    return kept


def _number(value: float | None, decimals: int = 0) -> str:
    return "-" if value is None else f"{value:z,.{decimals}f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _tenths(value: float | None) -> str:
    return _number(value, 1 if value is not None and abs(value) < _TENTHS else 0)


def _notes(results: Results) -> Text:
    portrait = results.portrait_of_all
    n_sessions = portrait.whole_sessions + portrait.cut_sessions
    short = (
        "short: left below target. kWh and hours: "
        f"the {portrait.whole_sessions:,} of {n_sessions:,} sessions with both ends in the run"
    )
    return Text("\n".join((short, *_balance(results), *map(_signal, signal_facts(results)))))


def _balance(results: Results) -> list[str]:
    """Where the energy of the batteries came from and went, where some is given back."""
    all_ = results.portrait_of_all
    if not all_.export_kwh:
        return []
    back = f"given back: {all_.export_kwh:,.0f} kWh at the meter"
    if all_.driven_kwh is None or all_.gained_kwh is None:
        return [back]
    at_home = f"{all_.home_kwh:,.0f} kWh charged at home - {all_.given_kwh:,.0f} given back"
    elsewhere = f"{all_.public_kwh:,.0f} in public - {all_.driven_kwh:,.0f} driven"
    return [f"{back}. In batteries: {at_home} + {elsewhere} = {all_.gained_kwh:+,.0f} in the run"]


def _signal(facts: SignalFacts) -> str:
    """`import price: Agile, London; on average 21.3 p/kWh, from -1.2 to 38.0`."""
    label = f"{facts.label.rstrip('.')}; " if facts.label else ""
    if facts.lowest == facts.highest:
        return f"{facts.name}: {label}always {facts.mean:.1f} {facts.unit}"
    span = f"from {facts.lowest:.1f} to {facts.highest:.1f}"
    return f"{facts.name}: {label}on average {facts.mean:.1f} {facts.unit}, {span}"


def _certificate(results: Results) -> Text:
    proof = results.certificate
    return Text(
        f"certificate: every user's energy adds up to {proof.max_residual_kwh:.0e} kWh (worst user), "
        f"SoC stays within {proof.min_soc:.0%} and {proof.max_soc:.0%}, "
        f"event log and time series agree to {abs(proof.events_less_series_kwh):.0e} kWh"
    )
