"""No rule sees the future: changing what comes changes nothing before it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from evsim import Scenario, simulate
from evsim.strategies import BUILT_IN

START, DAYS = dt.datetime(2026, 1, 12, 12, tzinfo=dt.UTC), 6
RULES = sorted(BUILT_IN)
BY_PRICE = {"cheapest", "greenest", "blended", "valley_fill"}
LIMITED = {"strategy": "immediate", "fleet_limit_kw": 30}


def rule_of(name):
    return LIMITED if name == "fleet_limit" else {"strategy": name}


def prices(path, changed_from=None, seed=1):
    """A file of half-hourly values, made up, from before the run until after it; other ones from an instant on."""
    rng, other = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    lines = ["from_utc,value"]
    for i in range(48 * (14 + DAYS + 3)):
        at = START - dt.timedelta(days=14) + i * dt.timedelta(minutes=30)
        value, instead = rng.uniform(5, 40), other.uniform(5, 40)
        if changed_from is not None and at >= changed_from:
            value = instead
        lines.append(f"{at:%Y-%m-%dT%H:%MZ},{value:.2f}")
    path.write_text("\n".join(lines))
    return {"file": str(path), "columns": {"start": "from_utc", "value": "value"}, "published_at": "16:00"}


def events_before(results, instant):
    """All there is in the log before an instant."""
    store = results.events
    at_s = (instant - START).total_seconds()
    before = store.column("at_s") < at_s
    names = ("at_s", "user", "event", "soc", "import_kwh")
    rows = sorted(zip(*(store.column(name)[before].tolist() for name in names), strict=True))
    return rows, int((~before).sum())


def lived(tmp_path, rule, changed_from):
    source = prices(tmp_path / f"{changed_from is None}.csv", changed_from)
    config = {
        "simulation": {"start": f"{START:%Y-%m-%dT%H:%M}", "days": DAYS, "warm_up_days": 3},
        "population_size": 30,
        "archetypes": [
            {
                "name": "A", "population_percent": 100, "miles_per_year": 15000, "battery_kwh": 60,
                "efficiency_miles_per_kwh": 3.5, "plug_in_frequency_per_day": 1, "charger_kw": 7,
                "plug_in_time": "17:00", "plug_out_time": "08:00", "target_soc_percent": 90,
            }
        ],
        "import_price": source,
        "carbon_intensity": source | {"unit": "g_per_kwh"},
        "demand": source | {"unit": "kw"},
        "charging": rule,
    }  # fmt: skip
    return simulate(Scenario.from_dict(config))


@pytest.mark.parametrize("name", [*RULES, "fleet_limit"])
def test_a_price_that_is_published_later_changes_nothing_before(name, tmp_path):
    """Prices of Friday 16 January are other ones; they are published on Thursday at 16:00."""
    friday = dt.datetime(2026, 1, 16, tzinfo=dt.UTC)
    published = dt.datetime(2026, 1, 15, 16, tzinfo=dt.UTC)
    one, other = lived(tmp_path, rule_of(name), None), lived(tmp_path, rule_of(name), friday)
    assert events_before(one, published) == (events_before(other, published)[0], events_before(one, published)[1])
    if name in BY_PRICE:
        end = START + dt.timedelta(days=DAYS)
        assert events_before(one, end)[0] != events_before(other, end)[0], "the new prices should matter in the end"


def replayed(tmp_path, name, rows):
    (tmp_path / "real.csv").write_text("\n".join(["user,plug_in,plug_out,energy_kwh,battery_kwh,charger_kw", *rows]))
    source = prices(tmp_path / "prices.csv")
    config = {
        "simulation": {"start": f"{START:%Y-%m-%dT%H:%M}", "days": DAYS},
        "sessions": str(tmp_path / "real.csv"),
        "import_price": source,
        "carbon_intensity": source | {"unit": "g_per_kwh"},
        "charging": rule_of(name),
    }
    return simulate(Scenario.from_dict(config))


NIGHTS = [
    f"{who},2026-01-{day} {comes},2026-01-{day + 1} 07:30,{kwh},60,7"
    for day in (12, 13, 14, 15)
    for who, comes, kwh in (("ann", "18:10", 22), ("bob", "17:20", 9), ("cyd", "21:45", 30))
]


@pytest.mark.parametrize("name", [*RULES, "fleet_limit"])
def test_when_somebody_really_leaves_changes_nothing_before_they_do(name, tmp_path):
    early = [*NIGHTS[:-3], *(row.replace("16 07:30", "16 02:20") for row in NIGHTS[-3:])]
    one, other = replayed(tmp_path, name, NIGHTS), replayed(tmp_path, name, early)
    left = dt.datetime(2026, 1, 16, 2, 20, tzinfo=dt.UTC)
    # up to the last step boundary before: of the energy in a step, the log tells when the step ends
    assert events_before(one, left)[0] == events_before(other, left)[0]


@pytest.mark.parametrize("name", [*RULES, "fleet_limit"])
def test_who_comes_home_later_changes_nothing_before_they_do(name, tmp_path):
    more = [*NIGHTS, *(f"u{i},2026-01-15 23:10,2026-01-16 07:30,25,60,7" for i in range(10))]
    one, other = replayed(tmp_path, name, NIGHTS), replayed(tmp_path, name, more)
    came = dt.datetime(2026, 1, 15, 23, 10, tzinfo=dt.UTC)
    known = {row[1] for row in events_before(one, came)[0]}
    before = [row for row in events_before(other, came)[0] if row[1] in known]
    assert events_before(one, came)[0] == before
