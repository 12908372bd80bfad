"""What a baseline leaves: two tables in files, and a short one on the screen with what is worth knowing of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import typer

from evsim._dispatch.methods import HistoryMethod, Nominated
from evsim._errors import ConfigError, name_some
from evsim._outputs import check_folder, staged
from evsim._units import Anything, Bools, Floats
from evsim.market import Baseline, Readings
from evsim.market._readings import PORTFOLIO, as_date

_MOST_SHOWN = 10
_MOST_NAMED = 3
_DECIMALS = 9
"""In files; a baseline can be recomputed to a millionth of a watt-hour."""
_SHOWN_DECIMALS = 3
_HEADERS = ("meter", "days used", "baseline kWh", "metered kWh", "difference kWh")
_ADJUSTMENT = "adjustment kWh"


# ---- files


def days_beside(out: Path) -> Path:
    """`baseline_days.csv`, of `baseline.csv`."""
    return out.with_name(f"{out.stem}_days{out.suffix}")


def check_places(out: Path, meters: Path) -> None:
    """Raise ConfigError when the files cannot be written, or one would replace the readings."""
    if not out.name or out.is_dir():
        raise ConfigError(f"{out}: a folder; give the name of a file with --out")
    check_folder(out.parent)
    for path in (out, days_beside(out)):
        if path.is_dir():
            raise ConfigError(f"{path}: a folder; give another file with --out")
        if path.resolve() == meters.resolve():
            raise ConfigError(f"{path}: holds the readings, and would be replaced; give another file with --out")


def write_baseline(found: Baseline, out: Path) -> None:
    """Write the baseline, and beside it the days used; both are moved into place together. Raises OutputError."""
    with staged(out.parent, ()) as folder:
        _write_csv(_baseline_columns(found), folder / out.name)
        _write_csv(_day_columns(found), folder / days_beside(out).name)


def _baseline_columns(found: Baseline) -> dict[str, Anything]:
    names, kwh = list(found.meters), found.kwh[:, : found.n_periods]
    if found.nominated_portfolio is not None:
        names, kwh = [*names, PORTFOLIO], np.vstack((kwh, found.nominated_portfolio[: found.n_periods]))
    n = len(names)
    return {
        "meter_id": np.repeat(np.array(names, object), found.n_periods),
        "settlement_date": np.full(n * found.n_periods, str(found.day), object),
        "settlement_period": np.tile(np.arange(1, found.n_periods + 1), n),
        "baseline_kwh": _rounded(kwh).ravel(),
    }


def _day_columns(found: Baseline) -> dict[str, Anything]:
    n = len(found.meters)
    return {
        "meter_id": np.array(found.meters, object),
        "settlement_date": np.full(n, str(found.day), object),
        "is_sufficient": np.where(found.is_sufficient, "true", "false").astype(object),
        "n_days_used": found.used.sum(axis=1),
        "days_used": np.array([" ".join(map(str, found.days_used(i))) for i in range(n)], object),
        "adjustment_kwh": _rounded(found.adjustment_kwh),
        "note": np.array([found.note(i) for i in range(n)], object),
    }


def _rounded(kwh: Floats) -> Floats:
    return np.asarray(np.round(kwh, _DECIMALS) + 0.0)


def _write_csv(columns: dict[str, Anything], path: Path) -> None:
    """UTF-8, a point for decimals, empty where nothing is known; quotes only where a name needs them."""
    import pyarrow as pa
    from pyarrow import csv

    table = pa.table({name: pa.array(cells, from_pandas=True) for name, cells in columns.items()})
    for style in ("none", "all_valid"):
        with path.open("wb") as file, contextlib.suppress(pa.ArrowInvalid):
            file.write((",".join(columns) + "\n").encode())
            csv.write_csv(table, file, csv.WriteOptions(include_header=False, quoting_style=style))
            return


# ---- the screen


class _Row(NamedTuple):
    """Energies [kWh], NaN where unknown; `adjustment` of each half-hour of the window."""

    name: str
    days: str
    baseline: float
    metered: float
    difference: float
    adjustment: float


def print_baseline(found: Baseline, readings: Readings, window: Sequence[int] | None, source: str, out: Path) -> None:
    """Print the baseline of the first meters and of the portfolio, and what stands in its way."""
    periods = range(1, found.n_periods + 1) if window is None else window
    when = f"{as_date(found.day):%a %d %b %Y}"
    kind = f", a {found.kind}" if found.kind else ""
    over = "" if window is None else f"; energies are of the periods {window[0]} to {window[-1]}"
    typer.echo(f"{found.method.name} of {when}{kind}{over}")
    _print_table(_rows(found, readings.of_day(found.day), periods), has_adjustment=window is not None)
    for note in _notes(found, readings, window, source):
        typer.echo(f"note: {note}")
    typer.echo(f"{out.parent}/: {out.name}, {days_beside(out).name}")


def _rows(found: Baseline, metered: Floats, periods: Sequence[int]) -> list[_Row]:
    part = slice(periods[0] - 1, periods[-1])
    made, read = found.kwh[:, part], metered[:, part]
    rows = [
        _Row(
            found.meters[i], _days_in_words(found, i), *_sums(made[i], read[i]),
            float(found.adjustment_kwh[i]) if found.is_adjusted[i] else np.nan,
        )
        for i in range(min(len(found.meters), _MOST_SHOWN))
    ]  # fmt: skip
    if len(found.meters) > _MOST_SHOWN:
        rows.append(_Row(f"and {len(found.meters) - _MOST_SHOWN:,} more", "", *[np.nan] * 4))
    everybody = np.add.reduce(np.nan_to_num(read), axis=0)
    total = float(found.portfolio[part].sum())
    if found.nominated_portfolio is None:
        difference = float((found.portfolio[part] - everybody).sum())
    else:
        difference = float((found.portfolio[part] - everybody).sum())
    shift = float(found.adjustment_kwh.sum()) if found.is_adjusted.any() else np.nan
    return [*rows, _Row(PORTFOLIO, "", total, float(everybody.sum()), difference, shift)]


def _sums(made: Floats, read: Floats) -> tuple[float, float, float]:
    return float(made.sum()), float(read.sum()), float((made - read).sum())


def _days_in_words(found: Baseline, meter: int) -> str:
    """`10, 09 Mar to 22 Mar`."""
    if not found.is_sufficient[meter]:
        return "none: as metered" if found.nominated_portfolio is None else ""
    days = [as_date(day) for day in found.days_used(meter)]
    return f"{len(days)}, {days[0]:%d %b} to {days[-1]:%d %b}" if days else ""


def _print_table(rows: Sequence[_Row], *, has_adjustment: bool) -> None:
    headers = [*_HEADERS, _ADJUSTMENT] if has_adjustment else list(_HEADERS)
    cells = [[row.name, row.days, *map(_shown, row[2:])][: len(headers)] for row in rows]
    lines = [headers, *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headers))]
    for line in lines:
        texts = [f"{c:<{w}}" if i < 2 else f"{c:>{w}}" for i, (c, w) in enumerate(zip(line, widths, strict=True))]  # noqa: PLR2004 - texts to the left, numbers to the right
        typer.echo("  ".join(texts).rstrip())


def _shown(kwh: float) -> str:
    return "" if np.isnan(kwh) else f"{round(kwh, _SHOWN_DECIMALS) + 0.0:,.{_SHOWN_DECIMALS}f}"


def _notes(found: Baseline, readings: Readings, window: Sequence[int] | None, source: str) -> list[str]:
    """What somebody should know: too little history, missing half-hours, a day that is not there."""
    notes = []
    if isinstance(found.method, HistoryMethod | Nominated) and not found.is_sufficient.all():
        what = "not nominated" if isinstance(found.method, Nominated) else "insufficient history"
        named = _named(found.meters, ~found.is_sufficient, lambda i: found.note(i) if found.n_needed else "")
        then = "" if found.nominated_portfolio is not None else "; the baseline there is what was metered"
        notes.append(f"{what}: {named}{then}")
    if readings.index(found.day) is None:
        first, last = readings.days[[0, -1]]
        text = f"{found.day} is not in {source}, which holds {first} to {last}"
        notes.append(f"{text}; what was metered on it is unknown, and so is a baseline that would be that")
    else:
        unread = readings.is_missing(found.day).sum(axis=1)
        if unread.any():
            named = _named(found.meters, unread > 0, lambda i: _half_hours(int(unread[i])))
            notes.append(f"not metered on {found.day}: {named}")
    if isinstance(found.method, HistoryMethod):
        count, days = _missing(readings, found.day, found.method.look_back_days)
        if count.any():
            named = _named(
                found.meters, count > 0, lambda i: f"{_half_hours(int(count[i]))} on {_counted(int(days[i]), 'day')}"
            )
            notes.append(f"half-hours missing before: {named}; such a day is not used")
    if window is not None and not found.is_adjusted.all():
        named = _named(found.meters, found.is_sufficient & ~found.is_adjusted, lambda _: "")
        if named:
            notes.append(f"not adjusted, for want of readings in the half-hours before the event: {named}")
    if found.method.clips_delivered:
        notes.append("under this method a half-hour in which less than nothing is delivered counts as nothing")
    return notes


def _missing(readings: Readings, day: np.datetime64, look_back_days: int) -> tuple[Anything, Anything]:
    """(n_meters,) half-hours missing in the days before, and on how many, since a meter's first reading."""
    n = len(readings.meters)
    count, days, has_begun = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, bool)
    for at, n_periods in enumerate(readings.n_periods.tolist()):
        gaps = np.isnan(readings.kwh[:, at, :n_periods]).sum(axis=1)
        has_begun |= gaps < n_periods
        if day - look_back_days <= readings.days[at] < day:
            count += np.where(has_begun, gaps, 0)
            days += has_begun & (gaps > 0)
    return count, days


def _named(meters: Sequence[str], which: Bools, tell: Callable[[int], str]) -> str:
    """`a (3 of 5 working days), b, c and 7 more`."""
    rows = np.flatnonzero(which).tolist()
    told = [(meters[i], tell(i)) for i in rows[:_MOST_NAMED]]
    texts = [f"{name} ({text})" if text else name for name, text in told]
    return name_some([*texts, *rows[_MOST_NAMED:]], _MOST_NAMED)


def _half_hours(n: int) -> str:
    return _counted(n, "half-hour")


def _counted(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'s' * (n != 1)}"
