"""The laws of the year: what any long run of the default people must be, found from its events anew.

`tests/test_year.py` holds a small run to them, `benchmarks/year.py` 2,000 people for a year. Sampling errors are worked
out from the spreads of the config; four of them are allowed.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
from oracle_diary import Calendar

ERRORS_ALLOWED = 4
KIND = {"report": 0, "plug_in": 1, "charge_start": 2, "power_change": 3, "charge_stop": 4, "plug_out": 5,
        "trip_start": 6, "trip_end": 7, "public_charge": 8}  # fmt: skip
FOLLOWS = {
    "plug_in": {"plug_out"},
    "plug_out": {"trip_start", "plug_in"},
    "trip_start": {"trip_end", "public_charge"},
    "public_charge": {"trip_end", "public_charge"},
    "trip_end": {"trip_start", "plug_in"},
}
"""What may come next, apart from reports and charges at home; a run may end after any of them."""


def local_dates(results):
    """The whole local days of a run that begins at midnight."""
    run = results.scenario.simulation
    assert run.start.time() == dt.time(), "a year begins at midnight"
    return [run.start.date() + dt.timedelta(days=i) for i in range(run.days)]


def expected_driving(results):
    """By archetype, for one user: mean miles, their standard deviation between users, and mean kWh at the battery.

    A day's miles are m x / p with the probability p, and else 0, where x has mean 1 and the coefficient of variation c
    of days: variance m^2 ((1 + c^2) / p - 1). All of a user's days are multiplied by u, of mean 1 and coefficient of
    variation b: over days of total M and variance V the variance is b^2 M^2 + (1 + b^2) V.
    """
    behaviour, calendar = results.scenario.behaviour, Calendar(results.scenario)
    between, daily = behaviour.miles_cv_between_users, behaviour.miles_cv_between_days
    days = [(calendar.miles(day), calendar.p_drive(day), calendar.consumption(day)) for day in local_dates(results)]
    total = sum(m for m, _, _ in days)
    variance = sum(m**2 * ((1 + daily**2) / p - 1) for m, p, _ in days if p)
    spread = np.sqrt(between**2 * total**2 + (1 + between**2) * variance)
    per_day = np.array([archetype.miles_per_year / 365 for archetype in results.scenario.archetypes])
    per_mile = np.array([1 / archetype.efficiency_miles_per_kwh for archetype in results.scenario.archetypes])
    kwh = per_day * per_mile * sum(m * c for m, _, c in days)
    return per_day * total, per_day * spread, kwh


def check_driving(results):
    """Miles and energy are the sheet's, within sampling error; returns the worst of both, in standard errors."""
    miles, spread, kwh = expected_driving(results)
    group, n = results.users.archetype, results.n_users
    error = spread / np.sqrt(n)
    of_miles = np.abs(np.bincount(group, results.users.driven_miles) / n - miles) / error
    of_kwh = np.abs(np.bincount(group, results.users.driven_kwh) / n - kwh) / (error * kwh / miles)
    worst = float(max(of_miles.max(), of_kwh.max()))
    assert worst < ERRORS_ALLOWED, f"miles or kWh are {worst:.1f} standard errors from the sheet's"
    return worst


def check_energy(results):
    """No user's books are out by 1e-6 kWh, found from the log and the columns; SoC stays between 0 and 1."""
    people, soc = results.users, results.events.column("soc")
    assert 0 <= soc.min() <= soc.max() <= 1
    assert 0 <= people.soc.min() <= people.soc.max() <= 1
    assert results.certificate.max_residual_kwh < 1e-6
    imported = np.zeros(len(people))
    np.add.at(imported, results.events.column("user"), results.events.column("import_kwh").astype(np.float64))
    first = np.flatnonzero((results.events.column("at_s") == 0) & (results.events.column("event") == KIND["report"]))
    at_start = np.empty(len(people))
    at_start[results.events.column("user")[first]] = soc[first]
    gained = (people.soc - at_start) * people.capacity_kwh  # the log keeps SoC in float32: 6e-8 of the battery
    books = people.efficiency * imported + people.public_kwh - people.driven_kwh
    assert np.abs(gained - books).max() < 1e-6 + 2e-7 * people.capacity_kwh.max()


def check_order(results):
    """Plugs and trips of every user follow one another as they must."""
    events = results.events
    user, kind, at = (events.column(name) for name in ("user", "event", "at_s"))
    rows = np.flatnonzero(np.isin(kind, [KIND[name] for name in FOLLOWS]))
    rows = rows[np.argsort(user[rows], kind="stable")]
    may = np.zeros((9, 9), bool)
    for before, after in FOLLOWS.items():
        may[KIND[before], [KIND[name] for name in after]] = True
    same = user[rows][1:] == user[rows][:-1]
    assert may[kind[rows][:-1][same], kind[rows][1:][same]].all()
    assert (at[rows][1:][same] >= at[rows][:-1][same]).all()


def check_sessions(results):
    """Every row of sessions.csv, recomputed from the event streams; returns how many there are."""
    events, table = results.events, results.sessions
    order = np.argsort(events.column("user"), kind="stable")
    user, kind, at, soc, kwh = (events.column(c)[order] for c in ("user", "event", "at_s", "soc", "import_kwh"))
    ins = np.flatnonzero(kind == KIND["plug_in"])
    ends = np.minimum(np.append(ins[1:], len(kind)), np.searchsorted(user, user[ins], side="right"))
    upto = np.concatenate(([0.0], np.cumsum(kwh.astype(np.float64))))

    def nth(name, last):
        """The first (or last) event of a kind in each session, -1 where there is none."""
        found = np.flatnonzero(kind == KIND[name])
        if last:
            i = np.searchsorted(found, ends) - 1
            return np.where((i >= 0) & (found[i] >= ins), found[i], -1)
        i = np.minimum(np.searchsorted(found, ins), len(found) - 1)
        return np.where((found[i] >= ins) & (found[i] < ends), found[i], -1)

    out, on, off, again = (
        nth("plug_out", False),
        nth("charge_start", False),
        nth("charge_stop", True),
        nth("charge_start", True),
    )
    off = np.where(again > off, -1, off)
    rows = np.lexsort((user[ins], at[ins]))

    def instants(i):
        when = results.times[0] + np.where(i >= 0, at[i], 0).astype("timedelta64[s]")
        return np.where(i >= 0, when, np.datetime64("NaT", "s"))[rows]

    expected = {"plug_in_utc": ins, "plug_out_utc": out, "charge_start_utc": on, "charge_stop_utc": off}
    for name, i in expected.items():
        assert np.array_equal(table[name], instants(i), equal_nan=True), name
    assert np.array_equal(table["user_id"], user[ins][rows])
    assert np.abs(table["plug_in_soc_percent"] - 100 * soc[ins][rows].astype(float)).max() < 1e-4
    assert np.nanmax(np.abs(table["plug_out_soc_percent"] - np.where(out >= 0, 100.0 * soc[out], np.nan)[rows])) < 1e-4
    assert np.abs(table["import_kwh"] - (upto[ends] - upto[ins])[rows]).max() < 1e-4
    return len(ins)


def plug_ins_per_day(results):
    """By archetype: plug-ins a day on the way, and their standard error between users."""
    table, n_users = results.events.sessions(), len(results.users)
    new = table.plug_in > results.times[0]
    n = np.bincount(table.user[new], minlength=n_users) / results.scenario.simulation.days
    groups = [n[results.users.archetype == g] for g in range(len(results.archetypes))]
    return [(g.mean(), g.std() / np.sqrt(len(g))) for g in groups]


def public_share(results):
    """By archetype: of the energy that was driven, what was charged in public."""
    group = results.users.archetype
    return np.bincount(group, results.users.public_kwh) / np.bincount(group, results.users.driven_kwh)


def check(results):
    """All laws; returns figures to print."""
    check_energy(results)
    check_order(results)
    return {"worst_miles_error": check_driving(results), "sessions": check_sessions(results)}
