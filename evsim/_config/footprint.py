"""How much memory a run needs, before any of it is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evsim._errors import ConfigError
from evsim._units import HOURS_PER_DAY

if TYPE_CHECKING:
    from evsim._scenario import Scenario

COLUMN_BYTES_PER_USER = 260
"""The columns of the population: some thirty of 8 bytes, and the small ones."""
PLANNING_BYTES_PER_USER = 120
"""What lays out a day of arrivals and departures, and is given back."""
BYTES_PER_EVENT = 22
"""Time, user, event, reason, SoC, import and export of one event (DESIGN 4.6)."""
EVENTS_PER_SESSION = 4
"""Plug-in, start, stop, plug-out; the reports of each step while charging come on top."""
EVENT_SLACK = 1.3
"""Room to grow, and the copy of a chunk while it is put away."""
SERIES_BYTES_PER_STEP_AND_ARCHETYPE = 120
"""Fifteen columns of 8 bytes: counts, powers, SoC and its quantiles."""
ALWAYS_FITS_BYTES = 200_000_000
"""Below this the machine is not asked."""

_MINUTES_PER_HOUR = 60
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")
_KILO = 1_000


def estimated_bytes(
    scenario: Scenario, users: int | None = None, days: int | None = None, step_minutes: int | None = None
) -> int:
    """The most memory a run holds at once [bytes], also at another size; the warm-up keeps no events."""
    users = scenario.population_size if users is None else users
    step = scenario.simulation.step_minutes if step_minutes is None else step_minutes
    days = scenario.simulation.days if days is None else days
    n_steps = days * HOURS_PER_DAY * _MINUTES_PER_HOUR // step
    events = users * days * _events_per_user_day(scenario, step)
    return (
        users * (COLUMN_BYTES_PER_USER + PLANNING_BYTES_PER_USER)
        + int(events * BYTES_PER_EVENT * EVENT_SLACK)
        + n_steps * len(scenario.archetypes) * SERIES_BYTES_PER_STEP_AND_ARCHETYPE
    )


def _events_per_user_day(scenario: Scenario, step_minutes: int) -> float:
    """Mean over the population: a session's events, times how often there is one."""
    total = 0.0
    for archetype in scenario.archetypes:
        stored_kw = archetype.charger_kw * scenario.battery.charging_efficiency
        hours = min(float(HOURS_PER_DAY), archetype.need_kwh / stored_kw)
        per_session = EVENTS_PER_SESSION + hours * _MINUTES_PER_HOUR / step_minutes
        total += archetype.population_percent / 100 * archetype.plug_in_frequency_per_day * per_session
    return total


def check_fits(scenario: Scenario, available_bytes: int | None = None) -> None:
    """Raise ConfigError when a run needs more memory than there is, saying what would make it fit."""
    needed = estimated_bytes(scenario)
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
        f"memory, and {show_bytes(available_bytes)} are free; {_what_fits(scenario, available_bytes)}"
    )


def _what_fits(scenario: Scenario, available: int) -> str:
    """`population_size up to 3,100,000, or days up to 21 would fit`."""
    now = scenario.simulation
    users = _largest(scenario.population_size, lambda n: estimated_bytes(scenario, users=n) <= available)
    days = _largest(now.days, lambda n: estimated_bytes(scenario, days=n) <= available)
    ways = [f"population_size up to {_rounded(users):,}"] if users else []
    ways += [f"simulation.days up to {days:,}"] if days else []
    if now.step_minutes < _MINUTES_PER_HOUR and estimated_bytes(scenario, step_minutes=_MINUTES_PER_HOUR) <= available:
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
