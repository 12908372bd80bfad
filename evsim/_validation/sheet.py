"""A run beside the archetype sheet: each kind of people, and what its own row implies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evsim._units import DAYS_PER_YEAR
from evsim._user_archetype import UserArchetype
from evsim._validation import facts
from evsim._validation.measure import DAYS_PER_WEEK, Measured
from evsim._validation.rows import Estimate, Row, Section, agrees, mean, ratio, row

_CLOSE = 0.02
_SHEETS_ROUNDING = 0.5
_AT_THE_EDGE = 0.001
_MANY_SHORT = 0.05


def sheet(run: Measured) -> Section:
    """Every archetype that has people, beside what its own row of the sheet implies."""
    kinds = enumerate(run.results.scenario.archetypes)
    blocks = {kind.name: _Kind(run, i, kind).rows() for i, kind in kinds if run.results.n_users[i]}
    notes = [
        "The sheet gives one number for each kind; in a run it is a mean over people and days that differ.",
        "kWh are at the battery, without what was charged in public.",
        "How often people plug in is what their rule is solved for; all else is an outcome.",
    ]
    if run.given_kwh.any():
        notes.append("kWh are without what was given back, and what was charged in its place.")
    if not run.results.scenario.behaviour.driving:
        notes = ["behaviour.driving is false: no miles are driven, and each plug-in finds what the config says."]
    return Section("The archetype sheet", facts.SHEET, blocks, notes)


class _Kind:
    """One archetype, measured."""

    def __init__(self, run: Measured, index: int, archetype: UserArchetype) -> None:
        self._run, self._archetype, self._index = run, archetype, index
        self._who = who = run.people.archetype == index
        self._stays = who[run.stays.user] & run.began_in_run
        self._n = run.n_stays[who]
        self._home = run.home_kwh[who]
        self._public = mean(run.people.public_kwh[who] / run.years).value
        self._year_kwh = archetype.miles_per_year / archetype.efficiency_miles_per_kwh
        self._plug_kwh = self._year_kwh / DAYS_PER_YEAR / archetype.plug_in_frequency_per_day

    def rows(self) -> list[Row]:
        """The sheet's columns."""
        return [self._miles(), self._kwh(), self._plug_ins(), self._kwh_per_plug_in(), *self._socs(), self._duration()]

    def _miles(self) -> Row:
        run, expected = self._run, self._archetype.miles_per_year
        found = mean(run.people.driven_miles[self._who] / run.years)
        return row("miles a year", "mi", found, expected, _season(run), 0)

    def _kwh(self) -> Row:
        run, expected = self._run, self._year_kwh
        found = mean(self._home / run.years)
        with_public = Estimate(found.value + self._public, found.error)
        why = f"{self._public:,.0f} charged in public"
        if not agrees(with_public, expected):
            why = f"{why}; the rest: {_season(run)}" if self._public else _season(run)
        return row("kWh a year", "kWh", found, expected, why, 0)

    def _plug_ins(self) -> Row:
        found = mean(self._n / (self._run.years * DAYS_PER_YEAR))
        expected = self._archetype.plug_in_frequency_per_day
        if abs(found.value - expected) < _AT_THE_EDGE:
            found = Estimate(found.value, max(abs(found.value - expected), found.error))
        return row("plug-ins a day", "", found, expected, self._why_so_often(), 3)

    def _why_so_often(self) -> str:
        short = self._run.results.portrait[self._index].below_target_share or 0.0
        if short > _MANY_SHORT:
            return f"{short:.0%} of nights too short to reach the target"
        return _season(self._run)

    def _kwh_per_plug_in(self) -> Row:
        found = ratio(self._home, self._n)
        return row("kWh a plug-in", "kWh", found, self._plug_kwh, self._public_share(), 2)

    def _public_share(self) -> str:
        n = float(self._n.sum()) / len(self._n) / self._run.years if len(self._n) else 0.0
        if not n or not self._public:
            return _season(self._run)
        return f"{self._public / n:.1f} more in public"

    def _socs(self) -> list[Row]:
        run, archetype, stays = self._run, self._archetype, self._stays
        soc = 100 * run.stays.plug_in_soc
        need = 100 * run.people.target_soc[run.stays.user] - soc
        n = run.per_user(stays)[self._who]
        found = ratio(run.per_user(soc, stays)[self._who], n)
        needs = ratio(run.per_user(need, stays)[self._who], n)
        due = 100 * self._plug_kwh / archetype.battery_kwh
        middle = f"median {np.median(soc[stays]):.0f}" if stays.any() else "no plug-ins"
        if abs(archetype.target_soc_percent - due - archetype.plug_in_soc_percent) > _SHEETS_ROUNDING:
            middle += f"; plug_in_soc_percent is {archetype.plug_in_soc_percent:g}"
        target = 100 * float(run.people.target_soc[self._who].mean())
        at_plug_in = row("SoC at plug-in", "%", found, target - due, self._soc_miss(), 1)
        return [
            replace(at_plug_in, verdict=f"{at_plug_in.verdict}; {middle}"),
            row("SoC requirement", "%", needs, due, "as SoC at plug-in", 1),
        ]

    def _soc_miss(self) -> str:
        """Why cars come home fuller, or emptier, than the sheet says."""
        run, stays = self._run, self._stays
        reserve = run.people.reserve_soc
        at_reserve = float((run.stays.plug_in_soc[stays] < reserve + 0.0001).mean()) if stays.any() else 0.0
        low = float(run.leaves_low[stays].mean()) if stays.any() else 0.0
        why = []
        if at_reserve > _CLOSE:
            why.append(f"{at_reserve:.0%} come home at the reserve")
        if low > _CLOSE:
            why.append(f"{low:.0%} leave below target")
        return ", ".join(why) or _season(run)

    def _duration(self) -> Row:
        """The sheet divides energy at the battery by power at the meter; losses come on top."""
        run, charger_kw = self._run, self._archetype.charger_kw
        efficiency = run.results.scenario.battery.charging_efficiency
        found = ratio(run.charging_h[self._who], self._n)
        due_h = self._plug_kwh / charger_kw
        drawn_h = ratio(self._home, self._n).value / efficiency / charger_kw
        why = f"{due_h / efficiency:.2f} with the charger's losses"
        if abs(found.value - drawn_h) > _CLOSE * drawn_h:
            why += f", {found.value - drawn_h:+.2f} for less than full power"
        elif agrees(found, due_h / efficiency):
            why += ": agrees"
        elif self._public:
            why += ", less public charging"
        return Row("hours of charging", "h", found.value, due_h, why, found.error, 2)


def _season(run: Measured) -> str:
    """Why a run that is not a year differs from a year."""
    days = run.years * DAYS_PER_YEAR
    if not run.results.scenario.behaviour.driving:
        return "no driving"
    if abs(days - DAYS_PER_YEAR) > DAYS_PER_WEEK:
        return f"a run of {days:.0f} {'day' if round(days) == 1 else 'days'}, not a year"
    return "not explained"
