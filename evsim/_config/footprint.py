"""How much memory a run needs, before any of it is taken.

The constants are ours, fitted to the peak resident memory of fresh processes on Linux (CPython 3.11, numpy 2; 1,000
to 1,000,000 users, 1 to 28 days, steps of 5 and 30 minutes); tests/test_config_memory.py measures some again.
Pictures are drawn by a process of their own, which is not counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evsim._errors import ConfigError
from evsim._totals import BYTES_PER_SNAPSHOT_AND_ARCHETYPE
from evsim._units import DAYS_PER_YEAR, HOURS_PER_DAY

if TYPE_CHECKING:
    from evsim._scenario import Scenario

SIMULATING_BYTES = 65_000_000
"""Python, numpy and pydantic before there is anybody."""
WRITING_BYTES = 165_000_000
"""The same with pyarrow, which writes events.parquet, and the texts of a piece of a CSV file."""
BYTES_PER_USER = 500
"""The columns of the population: some thirty of 8 bytes, and the small ones; and what lays out a day."""
SIMULATING_BYTES_PER_EVENT = 18
"""The log while it grows: what a whole group of events has in common is kept once, but not of small groups."""
WRITING_BYTES_PER_EVENT = 100
"""The log laid out (22), sorted by user and time (8 for each order), its sessions, and the Arrow table."""
TWIN_BYTES_PER_EVENT = 50
"""The log of a twin, laid out and sorted by user."""
BYTES_PER_READING = 12
"""Half-hours of a meter, as float32 when there are many: of the run, of its twin, and while either is made."""
MOST_PERIODS = 50
"""Settlement periods of the longest day."""
EVENTS_PER_SESSION = 4
"""Plug-in, start, stop, plug-out; the reports of each step while charging come on top."""
EVENTS_OF_TRIPS_PER_DAY = 4
"""Two trips begin and end; a report falls on each step boundary on the way."""
SERIES_BYTES_PER_STEP_AND_ARCHETYPE = 80
"""Ten columns of 8 bytes: counts, energies and powers, SoC and its quantiles."""
TABLE_BYTES_PER_STEP_AND_ARCHETYPE = 80
"""The columns of timeseries.csv that are not the series themselves, and what is left of making them."""
CONFIG_BYTES_PER_ARCHETYPE = 6_000
"""An archetype as it was typed, as it is known, and its part of the resolved config."""
MOST_SNAPSHOT_BYTES = 1 << 25
"""The levels of several steps that the simulator keeps at once in a block of users; one step's it always keeps."""
STRETCH_HOURS = 24
"""What the simulator lives at a time, if that fits: a day, with its departures first and its arrivals after them."""
SNAPSHOT_COPIES = 2
"""The levels as they come, and summed, beside those of each block."""
USERS_PER_BLOCK = 250_000
"""The most users of one block: the simulator divides a population by this."""
ALWAYS_FITS_BYTES = 200_000_000
"""Below this the machine is not asked."""

_MINUTES_PER_HOUR = 60
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")
_KILO = 1_000


def estimated_bytes(
    scenario: Scenario,
    users: int | None = None,
    days: int | None = None,
    step_minutes: int | None = None,
    *,
    writes: bool = False,
) -> int:
    """The most memory a run holds at once [bytes], also at another size; the warm-up keeps no events.

    writes : whether the tables are made and written too, which is then the peak, or only simulated
    """
    users = scenario.population_size if users is None else users
    step = scenario.simulation.step_minutes if step_minutes is None else step_minutes
    days = scenario.simulation.days if days is None else days
    n_steps = days * HOURS_PER_DAY * _MINUTES_PER_HOUR // step
    n_kinds = len(scenario.archetypes)
    events = int(users * (1 + days * _events_per_user_day(scenario, step)))
    lasting = (
        users * BYTES_PER_USER
        + n_kinds * CONFIG_BYTES_PER_ARCHETYPE
        + n_kinds * n_steps * SERIES_BYTES_PER_STEP_AND_ARCHETYPE
        + _snapshot_bytes(users, n_kinds, n_steps, step)
    )
    if not writes:
        return lasting + SIMULATING_BYTES + events * SIMULATING_BYTES_PER_EVENT
    tables = n_kinds * n_steps * TABLE_BYTES_PER_STEP_AND_ARCHETYPE
    other_runs = _bytes_of_other_runs(scenario, users, days, step) if scenario.dispatches else 0
    return lasting + WRITING_BYTES + events * WRITING_BYTES_PER_EVENT + tables + other_runs


def _bytes_of_other_runs(scenario: Scenario, users: int, days: int, step_minutes: int) -> int:
    """The twin of a run with dispatches, the days before that its baseline looks back on, and their meters."""
    history_days = getattr(scenario.settlement.baseline, "look_back_days", 0)
    per_day = users * _events_per_user_day(scenario, step_minutes)
    readings = users * (history_days + days + 1) * MOST_PERIODS
    twin = users * BYTES_PER_USER + int(per_day * days * TWIN_BYTES_PER_EVENT)
    return twin + int(per_day * history_days * SIMULATING_BYTES_PER_EVENT) + readings * BYTES_PER_READING


def stretch_steps(n_kinds: int, step_minutes: int) -> int:
    """How many steps the simulator lives at a time at most."""
    fit = MOST_SNAPSHOT_BYTES // (n_kinds * BYTES_PER_SNAPSHOT_AND_ARCHETYPE)
    return max(1, min(STRETCH_HOURS * _MINUTES_PER_HOUR // step_minutes, fit))


def _snapshot_bytes(users: int, n_kinds: int, n_steps: int, step_minutes: int) -> int:
    """The levels of SoC of each step of a stretch, for each block of users, and while they are summed.

    They are let go after the simulation, but Python does not always give such memory back.
    """
    one = n_kinds * BYTES_PER_SNAPSHOT_AND_ARCHETYPE
    stretch = one * min(stretch_steps(n_kinds, step_minutes), n_steps)
    blocks = -(-users // USERS_PER_BLOCK)
    return stretch * (SNAPSHOT_COPIES + blocks) + one * blocks


def _events_per_user_day(scenario: Scenario, step_minutes: int) -> float:
    """Mean over the population: a session's events, times how often there is one."""
    if scenario.recorded is not None:
        lived = scenario.recorded
        hours = float((lived.energy_kwh / lived.charger_kw[lived.user]).sum())
        events = EVENTS_PER_SESSION * len(lived.line) + hours * _MINUTES_PER_HOUR / step_minutes
        return events / lived.n_users / scenario.simulation.days
    total = 0.0
    for archetype in scenario.archetypes:
        stored_kw = archetype.charger_kw * scenario.battery.charging_efficiency
        frequency = archetype.plug_in_frequency_per_day
        driven_kwh = archetype.miles_per_year / DAYS_PER_YEAR / archetype.efficiency_miles_per_kwh
        need_kwh = driven_kwh / frequency if scenario.behaviour.driving else archetype.need_kwh
        hours = min(float(HOURS_PER_DAY), need_kwh / stored_kw)
        per_day = frequency * (EVENTS_PER_SESSION + hours * _MINUTES_PER_HOUR / step_minutes)
        if scenario.behaviour.driving:
            road_h = archetype.miles_per_year / DAYS_PER_YEAR / scenario.behaviour.average_speed_mph
            per_day += EVENTS_OF_TRIPS_PER_DAY + road_h * _MINUTES_PER_HOUR / step_minutes
        total += archetype.population_percent / 100 * per_day
    return total


def check_fits(scenario: Scenario, available_bytes: int | None = None, *, writes: bool = False) -> None:
    """Raise ConfigError when a run needs more memory than there is, saying what would make it fit.

    writes : whether the tables are to be made too
    """
    needed = estimated_bytes(scenario, writes=writes)
    if available_bytes is None:
        if needed <= ALWAYS_FITS_BYTES:
            return
        from psutil import virtual_memory

        available_bytes = int(virtual_memory().available)
    if needed <= available_bytes:
        return
    size = f"{scenario.population_size:,} users for {scenario.simulation.days:,} days"
    raise ConfigError(
        f"{size} in steps of {scenario.simulation.step_minutes} min need about {show_bytes(needed)} of "
        f"memory, and {show_bytes(available_bytes)} are free; {_what_fits(scenario, available_bytes, writes)}"
    )


def _what_fits(scenario: Scenario, available: int, writes: bool) -> str:
    """`population_size up to 3,100,000, or days up to 21 would fit`."""
    now = scenario.simulation

    def fits(users: int | None = None, days: int | None = None, step_minutes: int | None = None) -> bool:
        return estimated_bytes(scenario, users, days, step_minutes, writes=writes) <= available

    users = _largest(scenario.population_size, lambda n: fits(users=n)) if scenario.recorded is None else 0
    days = _largest(now.days, lambda n: fits(days=n))
    ways = [f"population_size up to {_rounded(users):,}"] if users else []
    ways += [f"simulation.days up to {days:,}"] if days else []
    if now.step_minutes < _MINUTES_PER_HOUR and fits(step_minutes=_MINUTES_PER_HOUR):
        ways.append(f"simulation.step_minutes of {_MINUTES_PER_HOUR}")
    if not ways:
        return "fewer people and fewer days together would fit"
    return f"{', or '.join(ways)} would fit"


def _largest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest whole number up to `most` that fits; 0 when none does."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _rounded(n: int) -> int:
    """Down to two digits, as an estimate deserves."""
    grain = int(10 ** max(0, len(str(n)) - 2))
    return n // grain * grain


def show_bytes(n: int) -> str:
    """`1.6 GB`."""
    size, unit = float(n), 0
    while size >= _KILO and unit < len(_UNITS) - 1:
        size, unit = size / _KILO, unit + 1
    return f"{size:,.3g} {_UNITS[unit]}" if size < _KILO else f"{size:,.0f} {_UNITS[unit]}"
