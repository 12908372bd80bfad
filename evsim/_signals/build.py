"""From a source to a signal on the clock of a run, and what is to be said of it.

What reads files is imported where one is read: most configs have prices, and few have a file of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evsim._clock import Clock
from evsim._series import Series, Signal
from evsim._signals.faulty import MOST_NAMED, FaultySourceError, name_instants, utc_text
from evsim._signals.generate import constant, time_of_use, typical_year
from evsim._signals.periods import Period
from evsim._signals.settings import ALWAYS, Source
from evsim._typed_in.faults import show
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_HOUR, SECONDS_PER_MINUTE

if TYPE_CHECKING:
    from evsim._signals.gaps import Covered
    from evsim._signals.read import Reading
    from evsim._signals.rows import Rows

_HALF_HOUR_MINUTES = SECONDS_PER_HOUR // 2 // SECONDS_PER_MINUTE


@dataclass(frozen=True, eq=False)
class Built:
    """A signal, what `summary.json` says of it, and what a person must know before a run."""

    signal: Signal
    note: dict[str, Any]
    warnings: tuple[str, ...]


def built(source: Source, key: str, clock: Clock) -> Built:
    """The signal of a source, made once. Raises FaultySourceError when it does not fit the run."""
    if clock not in source._built:
        make = _from_file if source.kind == "file" else _from_table
        source._built[clock] = make(source, key, clock)
    return source._built[clock]


def _from_table(source: Source, key: str, clock: Clock) -> Built:
    """Of a constant or a time-of-use table."""
    factor = source.quantity.units[source.unit_meant]
    if source.constant is not None:
        series = constant(source.constant * factor, clock)
        label = "one value throughout"
    else:
        days = source.time_of_use or ()
        weekend = source.weekend or days
        series = time_of_use(_times(days, factor), _times(weekend, factor), clock)
        label = f"{len(days)} period{'s' * (len(days) > 1)} of the local day"
        label += f", and {len(weekend)} at weekends" if source.weekend else ""
    note = _note(source, source.kind, None) | {"label": label}
    return Built(Signal(clock, series, series), note, tuple(_odd_size(source, key, source.unit_meant, series, clock)))


def _times(periods: tuple[Period, ...], factor: float) -> tuple[Period, ...]:
    return tuple((since, until, value * factor) for since, until, value in periods)


def _from_file(source: Source, key: str, clock: Clock) -> Built:
    from evsim._signals.gaps import cover
    from evsim._signals.read import read_source

    reading = source._reading or read_source(source, key, clock.timezone)
    name = Path(source.file or "").name
    if source.repeat is not None:
        return _typical(source, reading, key, name, clock)
    try:
        covered = cover(reading.rows, clock, source.fill)
    except FaultySourceError as error:
        raise FaultySourceError([f._replace(text=f"{show(name)}: {f.text}") for f in error.faults]) from None
    edges = covered.edges.astype(np.float64)
    actual = Series(edges, covered.actual)
    told = actual if np.array_equal(covered.actual, covered.told) else Series(edges, covered.told)
    minutes = _minutes(reading.rows)
    known = (
        "known always" if source.published_at_s is None else f"a day known from {source.published_meant} the day before"
    )
    note = _note(source, name, reading) | {
        "resolution_minutes": minutes,
        "n_filled": len(covered.filled),
        "fill": source.fill,
        "filled_utc": [utc_text(at + clock.start_epoch_s) for at in covered.filled[:MOST_NAMED]],
        "n_forecast_for_actual": covered.n_forecast_used,
        "label": f"{name}, values of {minutes:g} min, {known}",
    }
    warnings = [*_gaps(covered, source, key, clock), *_odd_size(source, key, reading.unit, actual, clock)]
    return Built(Signal(clock, actual, told, source.published_at_s), note, tuple(warnings))


def _typical(source: Source, reading: Reading, key: str, name: str, clock: Clock) -> Built:
    """A typical year of a file, which is known always."""
    from evsim._signals.rows import FOREVER_S

    try:
        series = typical_year(reading.rows, clock)
    except FaultySourceError as error:
        raise FaultySourceError([f._replace(text=f"{show(name)}: {f.text}") for f in error.faults]) from None
    rows = reading.rows
    last = int(rows.end[-1]) if rows.end[-1] < FOREVER_S else int(rows.start[-1]) + 1
    what = source.quantity.what
    label = f"typical {_years(int(rows.start[0]), last)} month-and-hour means"
    run = _years(clock.start_epoch_s, clock.start_epoch_s + clock.end_s)
    note = _note(source, f"typical year of {name}", reading) | {
        "resolution_minutes": _HALF_HOUR_MINUTES,
        "label": f"{label} of {name}, not real {run} {what}",
    }
    warnings = [f"{key}: {label}, not real {run} {what}", *_late(key, series.edges[0], clock)]
    warnings += _odd_size(source, key, reading.unit, series, clock)
    return Built(Signal(clock, series, series), note, tuple(warnings))


def _note(source: Source, name: str, reading: Reading | None) -> dict[str, Any]:
    """What is said of every source."""
    remarks = () if reading is None else reading.remarks
    return {
        "source": name,
        "unit": source.unit_meant if reading is None else reading.unit,
        "resolution_minutes": None,
        "sha256": None if reading is None else reading.sha256,
        "n_filled": 0,
        "fill": None,
        "filled_utc": [],
        "published_at": ALWAYS if source.published_at_s is None else source.published_meant,
        **({"remarks": list(remarks)} if remarks else {}),
    }


def _gaps(covered: Covered, source: Source, key: str, clock: Clock) -> list[str]:
    """What is filled, forecast or not known in the warm-up."""
    told = []
    epoch = clock.start_epoch_s
    if len(covered.filled):
        length = _length(covered.slot_s, len(covered.filled))
        text = f"{key}: {length} without a value are filled by {show(source.fill)}"
        told.append(f"{text}: {name_instants(covered.filled + epoch)}")
    if covered.n_forecast_used:
        told.append(f"{key}: {covered.n_forecast_used:,} actual values are not there; their forecasts stand for them")
    return [*told, *_late(key, float(covered.edges[0]), clock)]


def _length(slot_s: int, n: int) -> str:
    """`2 half-hours`."""
    names = {SECONDS_PER_HOUR: "hour", SECONDS_PER_HOUR // 2: "half-hour"}
    name = names.get(slot_s)
    return f"{n:,} {name}{'s' * (n != 1)}" if name else f"{n:,} times {slot_s / SECONDS_PER_MINUTE:g} min"


def _late(key: str, first_s: float, clock: Clock) -> list[str]:
    """Values that begin within the warm-up."""
    if first_s <= clock.warm_up_s:
        return []
    days = (first_s - clock.warm_up_s) / SECONDS_PER_DAY
    begins = utc_text(clock.start_epoch_s + first_s)
    return [f"{key}: begins {begins}; nothing is known in the {days:.3g} days of warm-up before"]


def _odd_size(source: Source, key: str, unit: str, series: Series, clock: Clock) -> list[str]:
    """A mean that only makes sense in another unit."""
    mean = float(series.mean(np.array([0.0]), np.array([float(clock.end_s)]))[0])
    quantity = source.quantity
    low, high = quantity.most_are
    if not mean or low <= abs(mean) <= high:
        return []
    typed = mean / quantity.units[unit]
    meant = [other for other, factor in quantity.units.items() if low <= abs(typed * factor) <= high]
    if not meant:
        return []
    return [f"{key}: {typed:.3g} {unit} on average is unusual; is the unit {' or '.join(meant)}?"]


def _minutes(rows: Rows) -> float:
    return rows.resolution_s / SECONDS_PER_MINUTE


def _years(first_s: int, end_s: int) -> str:
    """`2023`, or `2022-2023`, of seconds since 1970."""
    first, last = (str(np.datetime64(int(at), "s"))[:4] for at in (first_s, end_s - 1))
    return first if first == last else f"{first}-{last}"
