"""Readings invented for the page on baselines (docs/baselines.md): four homes, and no real ones.

`python -m examples.meters_made_up` writes the file meters.csv where it is run.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path

FIRST, LAST = dt.date(2023, 1, 23), dt.date(2023, 3, 23)
BEGINS = {"oak-1": FIRST, "oak-2": FIRST, "oak-3": FIRST, "elm-7": dt.date(2023, 3, 20)}
"""The homes, and the first day on which each is read: one is new."""
CHARGES = {"oak-1": (34, 4), "oak-2": (35, 3), "oak-3": (0, 0), "elm-7": (34, 5)}
"""The half-hour in which a home's car begins to charge, counted from midnight, and how many it takes; one has none."""
CHARGER_WH = 3_500
"""In a half-hour."""
EVENING = range(32, 46)
EVENTS = {dt.date(2023, 3, 15), dt.date(2023, 3, 23)}
"""Days on which cars wait."""
WAIT_UNTIL = 38
"""19:00, in half-hours."""
LOST = {("oak-2", dt.date(2023, 3, 14), half_hour) for half_hour in (20, 21, 22)}
"""Readings that never came."""


def noise(half_hour: int) -> int:
    """From 0 to 99, by multiplication and remainder: the same on any machine."""
    return (half_hour * half_hour * 7919 + half_hour * 104_729) % 100


def wh(home: str, day: dt.date, half_hour: int) -> int:
    """What a home draws in a half-hour [Wh]."""
    begins, n = CHARGES[home]
    if day in EVENTS:
        begins = max(begins, WAIT_UNTIL)
    usual = 120 + 150 * (half_hour in EVENING) + noise(48 * day.toordinal() + half_hour + 7 * len(home) + n)
    return usual + CHARGER_WH * (begins <= half_hour < begins + n)


def rows() -> Iterator[str]:
    """The lines of the file. In winter the clocks of London show UTC."""
    yield "meter_id,start_utc,kwh"
    for home, first in BEGINS.items():
        for n in range((LAST - first).days + 1):
            day = first + dt.timedelta(days=n)
            midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
            for i in range(48):
                if (home, day, i) not in LOST:
                    start = midnight + i * dt.timedelta(minutes=30)
                    yield f"{home},{start:%Y-%m-%dT%H:%MZ},{wh(home, day, i) / 1000}"


def main() -> None:
    """Write the file, and show how it begins."""
    lines = list(rows())
    Path("meters.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    sys.stdout.write("\n".join(["meters.csv:", *lines[:4], "..."]) + "\n")


if __name__ == "__main__":
    main()
