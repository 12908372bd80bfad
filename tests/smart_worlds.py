"""Random worlds of smart chargers, and what two simulators say of them."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import oracle
import oracle_smart
from oracle_diary import HOUR_S, epoch
from worlds import config, row

from evsim import Scenario, simulate

STARTS = ["2026-01-12T12:00", "2026-03-27T12:00", "2026-10-23T12:00", "2026-02-01T00:00", "2026-06-03T19:30"]
CURVES = [[[0, 100], [100, 100]], [[0, 100], [80, 100], [100, 30]], [[0, 60], [30, 100], [60, 80], [100, 10]]]
LENGTHS = {1800: 0.8, 3600: 0.2}


def values(luck, n):
    """Prices or the like: smooth and distinct, or of a few levels so that there are ties; some below zero."""
    kind = luck.integers(3)
    if kind == 0:
        return luck.normal(15, 12, n)
    if kind == 1:
        return luck.integers(-4, 12, n).astype(float)
    return luck.choice([5.0, 10.0, 30.0], n)


def world(seed, folder, *, rule=None, flat=None):
    """A config, the rules of its archetypes, and its signals for the naive simulator."""
    luck = np.random.default_rng([seed, 77])
    drives = bool(luck.integers(2))
    zone = str(luck.choice(["Europe/London", "Europe/London", "America/New_York"]))
    start, days = str(luck.choice(STARTS)), int(luck.integers(2, 5))
    tz = ZoneInfo(zone)
    began = dt.datetime.fromisoformat(start)
    length_s = int(luck.choice([1800, 1800, 1800, 3600]))
    before, after = int(luck.choice([14, 14, 5, 1])), int(luck.choice([7, 7, 2]))
    first = epoch((began - dt.timedelta(days=before)).date(), 0, dt.UTC)
    n = (before + days + after) * 86_400 // length_s
    drawn = values(luck, n)
    path = folder / f"values_{seed}.csv"
    starts = [first + i * length_s for i in range(n)]
    carbon = (drawn - drawn.min()).tolist()
    rows = [
        f"{dt.datetime.fromtimestamp(t, dt.UTC):%Y-%m-%dT%H:%MZ},{v!r},{g!r}"
        for t, v, g in zip(starts, drawn.tolist(), carbon, strict=True)
    ]
    path.write_text("\n".join(["from_utc,price,carbon", *rows]))
    published = str(luck.choice(["16:00", "16:00", "always", "09:20", "00:00", "23:10", "23:10", "21:40"]))
    source = {"file": str(path), "columns": {"start": "from_utc", "value": "price"}, "published_at": published}
    names = "AB"[: int(luck.integers(1, 3))]
    rules = {name: rule_of(luck, rule) for name in names}
    kinds = [kind_of(luck, name, 100 / len(names)) for name in names]
    curve = CURVES[0 if flat else int(luck.integers(len(CURVES)))]
    given = config(
        *kinds, users=len(names) * 2, start=start, days=days, zone=zone, seed=int(luck.integers(2**31)),
        step=int(luck.choice([5, 10, 15, 20, 30, 60])), warm_up=int(luck.integers(1, 4)),
        habit=int(luck.choice([0, 40])), day=int(luck.choice([0, 60])), curve=curve, driving=drives,
        efficiency=float(luck.choice([1.0, 0.9])), charging=rules["A"] | {"by_archetype": rules},
    )  # fmt: skip
    columns = {"start": "from_utc", "value": "carbon"}
    given |= {"import_price": source, "carbon_intensity": source | {"unit": "g_per_kwh", "columns": columns}}
    at = None if published == "always" else 60 * (60 * int(published[:2]) + int(published[3:]))
    run_start = round(began.replace(tzinfo=tz).timestamp())
    signals = {}
    for name, column in (("price", [v / 100 for v in drawn.tolist()]), ("carbon", carbon)):
        table = list(zip(starts, column, strict=True))
        signals[name] = oracle_smart.Prices(table, length_s, at, tz, run_start)
    return given, rules, signals


def rule_of(luck, name=None):
    """A rule with some guards."""
    names = ["cheapest", "cheapest", "greenest", "scheduled", "as_late_as_possible", "balanced", "immediate"]
    rule = {"strategy": name or str(luck.choice(names))}
    if rule["strategy"] == "scheduled":
        rule["window"] = [str(t) for t in luck.choice(["00:30", "04:30", "23:00", "06:10", "19:15"], 2, replace=False)]
    some = {
        "minimum_soc_percent": [30, 55, 70, 95], "margin_minutes": [20, 120], "boost_percent": [40],
        "random_delay_seconds": [600, 1800],
    }  # fmt: skip
    for guard, options in some.items():
        if luck.random() < 0.35:
            rule[guard] = int(luck.choice(options))
    if "minimum_soc_percent" in rule:  # see test_who_came_under_the_minimum_waits_for_the_delay_when_the_timer_opens
        rule.pop("random_delay_seconds", None)
    return rule


def kind_of(luck, name, percent):
    times = [("18:00", "07:00"), ("17:20", "08:05"), ("15:10", "16:40"), ("22:30", "06:00"), ("13:30", "09:30")]
    comes, leaves = times[luck.integers(len(times))]
    return row(
        name, percent, plug_in_time=comes, plug_out_time=leaves, battery_kwh=float(luck.choice([40, 60, 77])),
        charger_kw=float(luck.choice([2.3, 3.6, 7, 11])), plug_in_soc_percent=float(luck.choice([12, 37.5, 52, 68])),
        target_soc_percent=float(luck.choice([80, 90, 98])), miles_per_year=float(luck.choice([9_435, 18_000])),
        plug_in_frequency_per_day=float(luck.choice([1, 1, 0.5])),
    )  # fmt: skip


def stays_of_log(user):
    """Each whole session of a log: plug-in, plug-out, energy [kWh], and when power flowed, in whole seconds."""
    found, now = [], None
    for event in user.log:
        at = int(event.at.astype("datetime64[s]").astype(int))
        if event.event == "plug_in":
            now = {"in": at, "is_new": event.reason != "run_start", "kwh": 0.0, "flows": []}
        elif now is not None:
            now["kwh"] += event.import_kwh
            if event.event == "charge_start":
                now["flows"].append([at, None])
            elif event.event == "charge_stop":
                now["flows"][-1][1] = at
            elif event.event == "plug_out":
                if now["is_new"]:
                    found.append((now["in"], at, now["kwh"], joined(now["flows"])))
                now = None
    return found


def stays_of(person, start, end):
    """The same of the naive one."""
    for i, stay in enumerate(person.stays):
        if start < stay.plug_in and stay.plug_out < end:
            yield stay.plug_in, stay.plug_out, person.kwh_of_stay(i), joined(stay.charges)


def joined(flows):
    """Flows that touch are one; one of no length is none."""
    found = []
    for a, b in sorted(map(tuple, flows)):
        if found and a - found[-1][1] <= 1.0:
            found[-1] = (found[-1][0], max(b, found[-1][1]))
        elif b > a:
            found.append((a, b))
    return found


def disagreements(given, rules, signals, *, within_s):
    """What the two say differently of any stay."""
    made = Scenario.from_dict(given)
    results, people = simulate(made), oracle_smart.live(made, rules, signals)
    start, end = oracle.start_and_end(made)
    n, wrong = 0, []
    for person, user in zip(people, results.users, strict=True):
        ours, theirs = stays_of_log(user), list(stays_of(person, start, end))
        if [s[:2] for s in ours] != [s[:2] for s in theirs]:
            wrong.append((user.user_id, "stays", [s[:2] for s in ours], [s[:2] for s in theirs]))
            continue
        for one, other in zip(ours, theirs, strict=True):
            n += 1
            same = len(one[3]) == len(other[3]) and abs(one[2] - other[2]) <= 1e-3
            same = same and all(
                abs(a - c) <= within_s and abs(b - d) <= within_s
                for (a, b), (c, d) in zip(one[3], other[3], strict=True)
            )
            if not same:
                hours = [[tuple((x - start) / HOUR_S for x in f) for f in s[3]] for s in (one, other)]
                wrong.append(
                    (
                        user.user_id,
                        person.rule_of_charger,
                        ((one[0] - start) / HOUR_S, (one[1] - start) / HOUR_S),
                        one[2],
                        other[2],
                        hours,
                    )
                )
    return n, wrong
