"""Whether the people of a config can live as it says: drive their miles in a day, and charge above their reserve."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from evsim._behaviour import AVERAGE_SPEED_MPH, PUBLIC_RESERVE_PERCENT
from evsim._typed_in.faults import Fault
from evsim._typed_in.settings import attempt, part_of
from evsim._typed_in.values import as_percent, as_switch, in_unit
from evsim._units import DAYS_PER_YEAR

MOST_HOURS_A_DAY = 12
"""On the mean day; some days take several times as long, and what does not fit in one is driven the next."""

_miles, _plain = in_unit("miles"), in_unit("")


def unlivable(rows: Sequence[Any], behaviour: Any) -> Iterable[Fault]:
    """Faults of archetypes that drive all day, or stop charging where they begin to charge in public."""
    if attempt(as_switch, part_of(behaviour, "driving", default=True)) is False:
        return
    speed = attempt(_plain, part_of(behaviour, "average_speed_mph", AVERAGE_SPEED_MPH))
    reserve = attempt(as_percent, part_of(behaviour, "public_reserve_percent", PUBLIC_RESERVE_PERCENT))
    for i, row in enumerate(rows):
        miles = attempt(_miles, part_of(row, "miles_per_year"))
        target = attempt(as_percent, part_of(row, "target_soc_percent"))
        if miles is not None and speed is not None and speed > 0:
            hours = miles / DAYS_PER_YEAR / speed
            if hours > MOST_HOURS_A_DAY:
                yield Fault(
                    ("archetypes", i, "miles_per_year"),
                    f"{miles:,.10g} takes {hours:,.1f} h of every day at behaviour.average_speed_mph {speed:g}; at "
                    f"most {MOST_HOURS_A_DAY * DAYS_PER_YEAR * speed:,.0f}, in {MOST_HOURS_A_DAY} h, can be driven",
                    about_several=True,
                )
        if target is not None and reserve is not None and 0 < target <= reserve:
            yield Fault(
                ("archetypes", i, "target_soc_percent"),
                f"{target:g} is not over behaviour.public_reserve_percent ({reserve:g}), where cars charge in public"
                + (f"; is {100 * target:g} meant?" if target <= 1 else ""),
                about_several=True,
            )
