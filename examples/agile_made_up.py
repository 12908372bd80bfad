"""Prices invented for the tutorial (docs/tutorial-agile.md): the shape of a half-hourly tariff, and no real one.

`python -m examples.agile_made_up` prints the file examples/agile_made_up.csv.
"""

from __future__ import annotations

import datetime as dt
import sys

FIRST, N_DAYS = dt.date(2026, 1, 4), 18
A_DAY = [16, 15, 14, 13, 14, 16, 19, 23, 25, 23, 21, 20, 19, 19, 20, 22, 34, 37, 35, 27, 24, 22, 20, 18]
"""A usual day, hour by hour [p/kWh]: low at night, high from 16:00 to 19:00."""
MORE_THAN_USUAL = [-2, 3, 1, 4, 2, -1, -3, 0, 2, 5, 3, -1, -2, -4, 0, 2, 4, 1]
"""By how much each day is dearer than the usual one [p/kWh]."""
WINDY_NIGHTS = {10: 16, 15: 20, 18: 17}
"""Days of January whose hours until 06:00 are so much cheaper: prices below zero [p/kWh]."""
NIGHT_ENDS_H = 6


def noise(half_hour: int) -> int:
    """From -150 to 150 hundredths of a penny, by multiplication and remainder: the same on any machine."""
    return (half_hour * half_hour * 7919 + half_hour * 104_729) % 301 - 150


def price(half_hour: int) -> int:
    """Of a half-hour since the first midnight [hundredths of p/kWh]."""
    day, hour = half_hour // 48, half_hour % 48 // 2
    date = FIRST + dt.timedelta(days=day)
    wind = WINDY_NIGHTS.get(date.day, 0) if hour < NIGHT_ENDS_H else 0
    return 100 * (A_DAY[hour] + MORE_THAN_USUAL[day] - wind) + noise(half_hour)


def main() -> None:
    """Write the file. In January the clocks of London show UTC."""
    midnight = dt.datetime.combine(FIRST, dt.time(), dt.UTC)
    rows = ["start_utc,import_p_per_kwh_inc_vat"]
    for i in range(48 * N_DAYS):
        start = midnight + dt.timedelta(minutes=30 * i)
        rows.append(f"{start:%Y-%m-%dT%H:%MZ},{price(i) / 100:.2f}")
    sys.stdout.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
