"""A run beside what trials and surveys measured: hours of the day, sessions, peaks of groups."""

from __future__ import annotations

import math

import numpy as np

from evsim._units import DAYS_PER_YEAR, HOURS_PER_DAY, SECONDS_PER_DAY, SECONDS_PER_HOUR, Anything, Bools, Floats
from evsim._validation import facts
from evsim._validation.measure import DAYS_PER_WEEK, Measured, median_h, mode_h, total_variation, window
from evsim._validation.rows import AGREES, Estimate, Row, Section, agrees, mean, ratio, row

_HOURS_PER_GROUP = 3
_CLOSE_SHAPES_PERCENT = 5
_QUARTER_H = 0.25
_EVENING_S, _MORNING_S = 18 * SECONDS_PER_HOUR, 7 * SECONDS_PER_HOUR
_LEAST_TO_LEAVE_OUT = 3


# ---- hours of the day


def marginals(run: Measured) -> Section | None:
    """When the archetypes that plug in at 18:00 and out at 07:00 do so, beside the survey's marginals."""
    archetypes = run.results.scenario.archetypes
    here = [i for i, a in enumerate(archetypes) if (a.plug_in_s, a.plug_out_s) == (_EVENING_S, _MORNING_S)]
    mine = np.isin(run.people.archetype[run.stays.user], here)
    if not mine.any():
        return None
    found, blocks = {}, {}
    for weekday, days in ((True, "Mon-Fri"), (False, "weekend")):
        ins = run.by_hour(run.stays.plug_in, mine & run.began_in_run, weekday=weekday)
        outs = run.by_hour(run.stays.plug_out, mine, weekday=weekday)
        found[f"plug-in, {days}"] = ins, np.array(facts.PLUG_INS[weekday]), facts.EVENING
        found[f"plug-out, {days}"] = outs, np.array(facts.PLUG_OUTS[weekday]), facts.MORNING
    hours = {}
    for name, (ours, theirs, calibrated) in found.items():
        if ours.sum():
            blocks[name] = _hours_rows(ours, theirs, calibrated)
            hours[name] = {"measured": _grouped(ours), "expected": _grouped(theirs)}
    outside = 100 - window(np.array(facts.PLUG_INS[True]), facts.EVENING).sum()
    notes = [
        "Moved: the share that would have to be at another hour for both to be alike.",
        "There is one stay a day, so times are also compared within the hours on which they were calibrated.",
        f"{outside:.0f}% of the survey's weekday plug-ins are at other hours, for stays that the sheet does not have.",
        "Plug-outs are a mean of the survey's and Trondheim's, less 20 minutes towards the sheet's 07:00.",
        "On weekdays that puts more people before 07:00 than either has.",
    ]
    return Section("Hours of the day (18:00 to 07:00 archetypes)", facts.CNZ, blocks, notes, hours)


def _hours_rows(ours: Floats, theirs: Floats, calibrated: tuple[int, int]) -> list[Row]:
    first, end = calibrated
    own, their = window(ours, calibrated), window(theirs, calibrated)
    outside = 100 - float(100 * their.sum() / theirs.sum())
    inside = f"{first:02d} to {end:02d} h"

    def middle(share: Floats) -> float:
        return median_h(np.roll(np.pad(share, (0, HOURS_PER_DAY - len(share))), first), first)

    modes = mode_h(ours), mode_h(theirs)
    medians = middle(own), middle(their)
    moved = total_variation(own, their)
    apart = abs(medians[0] - medians[1])
    return [
        Row(
            "moved, all hours",
            "%",
            total_variation(ours, theirs),
            0,
            f"{outside:.0f}% of the survey's are not {inside}",
        ),
        Row(f"moved, {inside}", "%", moved, 0, "close" if moved < _CLOSE_SHAPES_PERCENT else "see the notes"),
        Row("busiest hour", "h", *modes, AGREES if modes[0] == modes[1] else "see the notes", decimals=0),
        Row(f"median, {inside}", "h", *medians, "close" if apart < _QUARTER_H else "see the notes", decimals=2),
    ]


def _grouped(share: Floats) -> list[float]:
    return [round(float(part.sum()), 2) for part in np.split(share, HOURS_PER_DAY // _HOURS_PER_GROUP)]


# ---- sessions


def sessions(run: Measured) -> Section | None:
    """Sessions of the whole population, beside those of Trondheim's garages: as shapes, for it is another country."""
    stays = run.stays
    charging = run.charges & run.began_in_run
    if not charging.any():
        return None
    whole = charging & run.is_whole
    days = run.years * DAYS_PER_YEAR
    n = run.per_user(charging)
    kwh = ratio(run.per_user(stays.import_kwh, charging), n)
    connected = ratio(run.per_user(run.connected_h, whole), run.per_user(whole))
    weekly = mean(n / days * DAYS_PER_WEEK)
    all_weekly = mean(run.n_stays / days * DAYS_PER_WEEK)
    drawn = run.drawn_kwh / run.years
    their_year = facts.SESSION_KWH_MEAN * facts.SESSIONS_PER_WEEK * DAYS_PER_YEAR / DAYS_PER_WEEK
    plugged = float(run.results.n_plugged_in.sum()) / run.n_users / run.results.clock.n_steps
    why_kwh = (
        f"{mean(drawn).value / their_year:.1f} times the energy a year in "
        f"{weekly.value / facts.SESSIONS_PER_WEEK:.1f} times the sessions"
    )
    energy = [
        row("kWh a session, mean", "kWh", kwh, facts.SESSION_KWH_MEAN, why_kwh, 2),
        row("kWh a session, median", "kWh",
               _median(stays.import_kwh, charging), facts.SESSION_KWH_MEDIAN, "as the mean", 2),
        row("sessions a week", "", weekly, facts.SESSIONS_PER_WEEK,
               f"the sheet's frequency; {all_weekly.value:.2f} with plug-ins that charge nothing", 2),
        row("yearly kWh: deviation / mean", "", _cv(drawn), facts.YEARLY_KWH_CV, "the archetypes' mileages", 2),
    ]  # fmt: skip
    times = [
        row("hours connected, mean", "h", connected, facts.CONNECTION_H_MEAN,
               "no stays of an hour or an evening", 1),
        row("hours connected, median", "h",
               _median(run.connected_h, whole), facts.CONNECTION_H_MEDIAN, "as the mean", 1),
        row("time plugged in", "%", Estimate(100 * plugged), facts.PLUGGED_IN_PERCENT, "more and longer stays", 1),
        _hour("busiest plug-in hour", run.by_hour(stays.plug_in, charging), facts.PLUG_IN_MODE_H, "the sheet's 18:00"),
        _hour("busiest plug-out hour", run.by_hour(stays.plug_out, whole), facts.PLUG_OUT_MODE_H, "the sheet's times"),
    ]  # fmt: skip
    short = Estimate(100 * float((run.gaps_h < facts.SHORT_GAP_H).mean())) if len(run.gaps_h) else Estimate(math.nan)
    gaps = [
        row("gaps under 12 h, Trondheim", "%", short, facts.TRONDHEIM_SHORT_GAPS_PERCENT, "one stay a day", 1),
        row("gaps under 12 h, CNZ", "%", short, facts.CNZ_SHORT_GAPS_PERCENT, "the same", 1),
    ]
    notes = [
        "Only the shape of times was taken from these sessions. Levels are another country's and other cars'.",
        "Sessions are those that charge; gaps are from plug-in to plug-in. The survey's share of them is second-hand.",
        "The sheet has one plug-in a day; people in trials plug in 2 to 3.5 times a week, for more energy each time.",
        "Who wants that habit lowers plug_in_frequency_per_day: 0.5 is 3.5 a week.",
    ]
    if run.given_kwh.any():
        notes.append(f"{run.given_kwh.sum():,.0f} kWh were given back and charged again: that is in the sessions here.")
    return Section("Home sessions", facts.TRONDHEIM, {"energy": energy, "times": times, "gaps": gaps}, notes)


def _hour(what: str, share: Floats, expected: int, miss: str) -> Row:
    return Row(what, "h", mode_h(share), expected, AGREES if mode_h(share) == expected else miss, decimals=0)


def _median(values: Anything, rows: Bools) -> Estimate:
    return Estimate(float(np.median(values[rows])) if rows.any() else math.nan)


def _cv(values: Floats) -> Estimate:
    """Standard deviation / mean of people, with its error by leaving out one person at a time."""
    n = len(values)
    if n < _LEAST_TO_LEAVE_OUT or not values.sum():
        return Estimate(math.nan)
    value = float(values.std(ddof=1) / values.mean())
    rest = (values.sum() - values) / (n - 1)
    squares = ((values**2).sum() - values**2) / (n - 1)
    left_out = np.sqrt(np.maximum(squares - rest**2, 0) * (n - 1) / (n - 2)) / rest
    return Estimate(value, float(math.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())))


# ---- groups of cars


def groups(run: Measured) -> Section | None:
    """Peaks of groups of cars, beside those of Trondheim."""
    sizes = list(facts.ADMD_KW)
    found = run.admd_kw(sizes, facts.ADMD_DAYS)
    if not found:
        return None
    clock = run.results.clock
    days = min(facts.ADMD_DAYS, clock.end_s / SECONDS_PER_DAY)
    kwh_a_day = float(run.results.import_kwh.sum()) / run.n_users / (run.years * DAYS_PER_YEAR)
    their_kwh = facts.SESSION_KWH_MEAN * facts.SESSIONS_PER_WEEK / DAYS_PER_WEEK
    why = f"{kwh_a_day / their_kwh:.1f} times the energy"
    rows = []
    for size, kw in found.items():
        due = facts.ADMD_KW[size]
        rows.append(Row(f"{size} cars", "kW", kw.value, due, AGREES if agrees(kw, due) else why, kw.error, 2))
    notes = [
        f"The highest mean power of a step in the run's first {days:.0f} days, for each car; mean over random groups.",
        f"These drivers take {kwh_a_day:.1f} kWh a day at the meter; Trondheim's {their_kwh:.1f}, every other day.",
        "Trondheim's are of one place, in two winter months; of groups of nearly all of its cars, few are different.",
    ]
    return Section("Peaks of groups (ADMD)", facts.TRONDHEIM_ADMD, {"kW for each car": rows}, notes)
