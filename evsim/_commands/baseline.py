"""`python -m evsim baseline`: a named baseline of a day, from a file of real meters."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic_core import PydanticCustomError

from evsim._commands.parts import DEFAULT_OUT, told
from evsim._errors import ConfigError
from evsim._typed_in.faults import show
from evsim._typed_in.values import COMMON_REGION, as_holidays, as_time, as_timezone, show_time
from evsim._units import HOURS_PER_DAY
from evsim.market import METHODS, Method, Readings, baseline, holidays_of, method_named
from evsim.market._readings import LONDON, PERIOD_MINUTES, clock_minutes

BASELINE_OUT = DEFAULT_OUT / "baseline.csv"
_A_DAY_MINUTES = HOURS_PER_DAY * 60


@told
def baseline_command(
    meters: Annotated[
        Path,
        typer.Argument(
            metavar="METER.csv",
            help="Readings: meter_id, start_utc, kwh or meter_id, settlement_date, settlement_period, kwh.",
            show_default=False,
        ),
    ],
    method: Annotated[str, typer.Option("--method", metavar="NAME", help=f"One of {', '.join(METHODS)}.")] = "bl01",
    day: Annotated[str, typer.Option("--day", metavar="DATE", help="Of which day, as in 2023-03-23.")] = "",
    event_days: Annotated[
        str, typer.Option("--event-days", metavar="DATE,...", help="Days that are no example of usual behaviour.")
    ] = "",
    in_day_adjustment: Annotated[
        str | None,
        typer.Option(
            "--in-day-adjustment", metavar="FROM-TO", help="Shift the half-hours of this event, as in 17:00-18:00."
        ),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a number of the method, as in n_working=8."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the baseline is written.")] = BASELINE_OUT,
    timezone: Annotated[
        str, typer.Option("--timezone", metavar="ZONE", help="Whose days have settlement periods.")
    ] = LONDON,
    holidays: Annotated[
        str, typer.Option("--holidays", metavar="REGION", help='Whose bank holidays count, as in GB-SCT; or "none".')
    ] = COMMON_REGION,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Make the baseline of a day from readings of meters; leave it in a file, and the days used beside it."""
    from evsim._reports.baseline import check_places, print_baseline, write_baseline
    from evsim.market._meter_file import read_meters

    if not day:
        raise ConfigError("--day: missing; say of which day, as in --day 2023-03-23")
    date, events = _date("--day", day), [_date("--event-days", text) for text in event_days.split(",") if text.strip()]
    zone, region = _typed("--timezone", as_timezone, timezone), _typed("--holidays", as_holidays, holidays)
    chosen = _method(method, sets or [], is_adjusted=in_day_adjustment is not None)
    window = None if in_day_adjustment is None else _window(in_day_adjustment, date, zone)
    check_places(out, meters)
    readings = read_meters(meters, zone)
    found = baseline(chosen, readings, date, events, holidays_of(region), window)
    if not _says_anything(found.kwh):
        raise ConfigError(f"{meters}: {_nothing_known(readings, date)}")
    write_baseline(found, out)
    if not quiet:
        print_baseline(found, readings, window, meters.name, out)


def _says_anything(kwh: Any) -> bool:  # noqa: ANN401 - readings of either precision
    return bool((kwh == kwh).any())  # noqa: PLR0124 - NaN is not itself


def _nothing_known(readings: Readings, date: dt.date) -> str:
    return (
        f"holds {readings.days[0]} to {readings.days[-1]}, so {date} has too little history, and what was metered on "
        "it, which would stand in for a baseline, is not there; give another --day, or more readings"
    )


def _date(flag: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError(f"{flag}: {show(text.strip())} is not a date; write it as 2023-03-23") from None


def _typed(flag: str, read: Any, text: str) -> str:  # noqa: ANN401 - a reader of what was typed
    try:
        return str(read(text))
    except PydanticCustomError as error:
        raise ConfigError(f"{flag}: {error.message()}") from None


def _method(name: str, sets: list[str], *, is_adjusted: bool) -> Method:
    given: dict[str, Any] = {}
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"--set {text}: write a number of the method and its value, as in --set n_working=8")
        given[key.strip()] = _listed(value.strip())
    kind = type(method_named(name, given))
    if not is_adjusted:
        return method_named(name, given)
    if "in_day_adjustment" not in kind.model_fields:
        raise ConfigError(f"--in-day-adjustment: {kind.name} has none; leave it out, or use --method bl01")
    return method_named(name, given | {"in_day_adjustment": True})


def _listed(value: str) -> Any:  # noqa: ANN401 - a text, or a list of numbers
    if not value.startswith("["):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ConfigError(f"--set: {show(value)} is not a list; write it as [0.1,0.2]") from None


def _window(text: str, date: dt.date, timezone: str) -> range:
    """The settlement periods of `17:00-18:00` by the clock of a date; of an hour that comes twice, both."""
    parts = text.split("-")
    if len(parts) != 2:  # noqa: PLR2004 - from and to
        raise ConfigError(f"--in-day-adjustment: {show(text)} is not a window; write it as 17:00-18:00")
    try:
        first, last = (as_time(part) for part in parts)
    except PydanticCustomError as error:
        raise ConfigError(f"--in-day-adjustment: {error.message()}") from None
    begin, end = (60 * time.hour + time.minute for time in (first, last))
    end = end or _A_DAY_MINUTES
    if first.second or last.second or begin % PERIOD_MINUTES or end % PERIOD_MINUTES:
        shown = f"{show_time(first)}-{show_time(last)}"
        raise ConfigError(f"--in-day-adjustment: {show(shown)} does not begin and end with half-hours")
    minutes = clock_minutes(date, timezone)
    inside = ((minutes >= begin) & (minutes < end)).nonzero()[0]
    if not len(inside):
        shown = f"{show_time(first)}-{show_time(last)}"
        raise ConfigError(f"--in-day-adjustment: {show(shown)} has no half-hour on {date}; write FROM before TO")
    return range(int(inside[0]) + 1, int(inside[-1]) + 2)
