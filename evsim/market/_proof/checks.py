"""The numbers of a proof, worked out again from its rows and compared: baselines, what was delivered, sums, payment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

from evsim.market._proof.findings import Findings, shown
from evsim.market._proof.lines import MANIFEST
from evsim.market._proof.reading import READING, Line, Pages, Update
from evsim.market._proof.recompute import Day
from evsim.market._proof.served import Period
from evsim.market._proof.shapes import (
    CALENDAR_OF_HISTORY,
    CALENDAR_OF_NOMINATED,
    METER_OF_ADJUSTMENT,
    METER_OF_HISTORY,
    METER_OF_NOMINATED,
    Fits,
    misfit,
)

Row: TypeAlias = dict[str, Any]
_METERS, _BASELINE, _DELIVERED = "meters.jsonl", "baseline.jsonl", "delivered.jsonl"
_PENCE_PER_GBP = 100
_METERS_AT_ONCE = 500


def check_names(pages: Pages, found: Findings) -> dict[str, str]:
    """The response of each meter by its name, in the order of the proof."""
    responses: dict[str, str] = {}
    if not pages.count(_DELIVERED):
        found.add(_DELIVERED, None, "is empty")
    for line, row in pages.rows(_DELIVERED):
        if row["row"] != ("all" if line == 1 else "meter"):
            found.add(_DELIVERED, line, "is out of place: first comes all meters together, then a line for each")
            return {}
        if line == 1:
            continue
        if row["meter_id"] in responses:
            found.add(_DELIVERED, line, f"tells of {shown(row['meter_id'])} a second time")
        responses[row["meter_id"]] = row["response"]
        if (row["why"] is None) != (row["response"] == "took_part"):
            found.add(_DELIVERED, line, f"response {shown(row['response'])} does not go with why: {shown(row['why'])}")
    found.compare(MANIFEST, None, "n_meters", pages.header["n_meters"], len(responses))
    n_took_part = sum(response == "took_part" for response in responses.values())
    found.compare(MANIFEST, None, "totals n_took_part", pages.manifest["totals"]["n_took_part"], n_took_part)
    return responses


class Ledger:
    """What was metered and what the baseline is, by meter and settlement period, once they have been checked.

    names : of the meters; periods : of the windows
    nominated : of the portfolio, by period; None where meters have baselines of their own
    """

    def __init__(self, names: Sequence[str], periods: Sequence[Period]) -> None:
        self.names, self.periods = list(names), list(periods)
        self.baseline: list[list[float | None]] = [[] for _ in names]
        self.metered: list[list[float | None]] = [[] for _ in names]
        self.nominated: list[tuple[bool, float | None]] = []


# ---- baselines


def check_baselines(pages: Pages, days: Sequence[Day], ledger: Ledger, found: Findings, update: Update | None) -> int:
    """Work every baseline out again; how many days went into them."""
    n, n_used = len(ledger.names), 0
    n_meters, n_made = len(days) * (n + 1), len(days) * n
    before = len(found)
    for name, should in ((_METERS, n_meters), (_BASELINE, n_made)):
        found.compare(name, None, f"the number of lines, for {n:,} meters and these dates,", pages.count(name), should)
    if len(found) != before:
        return 0
    meters, made = pages.rows(_METERS), pages.rows(_BASELINE)
    for i, day in enumerate(days):
        head = next(meters)
        is_usable = _check_calendar(head, day, ledger, found)
        is_portfolio = bool(head[1].get("is_portfolio_nominated", False))
        for j, (row, baseline) in enumerate(zip(islice(meters, n), islice(made, n), strict=True)):
            if not is_usable:
                continue
            n_used += _check_meter(row, baseline, day, ledger, j, found, is_portfolio=is_portfolio)
            if update is not None and j % _METERS_AT_ONCE == 0:
                update(READING + (1 - READING) * (i * n + j) / n_made)
    return n_used


def _check_calendar(head: Line, day: Day, ledger: Ledger, found: Findings) -> bool:
    """Check the line before the meters of a date; whether what follows can be used."""
    line, row = head
    if row["row"] != "calendar":
        found.add(_METERS, line, f"is not the calendar of {day.day}, which should stand here")
        return False
    shape: dict[str, Fits] = {}
    shape |= CALENDAR_OF_HISTORY if day.choice is not None else {}
    shape |= CALENDAR_OF_NOMINATED if day.rules.name == "nominated" else {}
    key = misfit(row, shape)
    if key is not None:
        found.add(_METERS, line, f"has no usable {key}")
        return False
    before = len(found)
    found.compare(_METERS, line, "settlement_date", row["settlement_date"], day.day)
    found.compare(_METERS, line, "periods", row["periods"], day.periods)
    said: list[float | None] = [None] * len(day.periods)
    if day.choice is not None:
        found.compare(_METERS, line, "kind", row["kind"], day.kind)
        found.compare(_METERS, line, "before_periods", row["before_periods"], day.before)
        for text in day.faults_of_calendar(row["earlier_days"]):
            found.add(_METERS, line, text)
    elif "nominated_portfolio_kwh" in shape:
        said = row["nominated_portfolio_kwh"]
        found.compare(_METERS, line, "half-hours nominated", len(said), len(day.periods))
        if not row["is_portfolio_nominated"] and any(value is not None for value in said):
            found.add(_METERS, line, "is_portfolio_nominated is false, but there are numbers")
    is_nominated = bool(row.get("is_portfolio_nominated", False)) and "nominated_portfolio_kwh" in shape
    ledger.nominated += [(is_nominated, value) for value in said]
    return len(found) == before


def _check_meter(
    metered: Line, made: Line, day: Day, ledger: Ledger, j: int, found: Findings, *, is_portfolio: bool
) -> int:
    """Check a meter's row and its baseline; how many days it is the mean of."""
    line, row = metered
    shape: dict[str, Fits] = {}
    shape |= METER_OF_HISTORY if day.choice is not None else {}
    shape |= METER_OF_ADJUSTMENT if day.before else {}
    shape |= METER_OF_NOMINATED if day.rules.name == "nominated" else {}
    key = "row" if row["row"] != "meter" else misfit(row, shape)
    if key is not None:
        found.add(_METERS, line, f"has no usable {key}")
        return 0
    before = len(found)
    name = ledger.names[j]
    for file, (at, one) in ((_METERS, metered), (_BASELINE, made)):
        found.compare(file, at, "meter_id", one["meter_id"], name)
        found.compare(file, at, "settlement_date", one["settlement_date"], day.day)
    for text in day.faults_of_meter(row):
        found.add(_METERS, line, text)
    if len(found) != before:
        return 0
    should, (at, told) = day.baseline(row, is_portfolio_nominated=is_portfolio), made
    for key, value in should.as_row().items():
        found.compare(_BASELINE, at, f"{shown(name)} {key}", told[key], value)
    ledger.baseline[j] += should.baseline_kwh
    ledger.metered[j] += row["metered_kwh"]
    return len(should.days_used)


# ---- what was delivered


def check_delivered(pages: Pages, ledger: Ledger, found: Findings, *, clips: bool) -> None:
    """Work out again what each meter and all together delivered, and what is paid."""
    periods = ledger.periods
    m = len(periods)
    sums = {key: [0.0] * m for key in ("baseline_kwh", "metered_kwh", "delivered_kwh")}
    n_missing = [0] * m
    for j, (line, row) in enumerate(islice(pages.rows(_DELIVERED), 1, None)):
        baseline, metered = ledger.baseline[j], ledger.metered[j]
        if len(baseline) != m:
            continue  # its rows are faulty, and that is told
        delivered: list[float | None] = []
        for i, (usual, actual) in enumerate(zip(baseline, metered, strict=True)):
            value = None if usual is None or actual is None else periods[i].sign * (usual - actual)
            is_missing = actual is None if ledger.nominated[i][0] else value is None
            if value is not None and clips:
                value = max(value, 0.0)
            n_missing[i] += is_missing
            delivered.append(0.0 if is_missing else value)
            if not is_missing:
                sums["baseline_kwh"][i] += usual or 0.0
                sums["metered_kwh"][i] += actual or 0.0
            sums["delivered_kwh"][i] += delivered[i] or 0.0
        name = shown(row["meter_id"])
        for key, should in (("baseline_kwh", baseline), ("metered_kwh", metered), ("delivered_kwh", delivered)):
            found.compare(_DELIVERED, line, f"{name} {key}", row[key], should)
        found.compare(_DELIVERED, line, f"{name} total_delivered_kwh", row["total_delivered_kwh"], _total(delivered))
    if all(len(values) == m for values in ledger.baseline):
        _check_all(pages, ledger, sums, n_missing, found)


def _check_all(
    pages: Pages, ledger: Ledger, sums: Mapping[str, list[float]], n_missing: list[int], found: Findings
) -> None:
    """The line of all meters together, and the totals of the manifest."""
    should: dict[str, list[Any]] = {
        "settlement_date": [period.day for period in ledger.periods],
        "settlement_period": [period.number for period in ledger.periods],
        "start_utc": [period.start_utc for period in ledger.periods],
        **{key: list(values) for key, values in sums.items()},
        "n_missing": n_missing,
        "instructed_kwh": [period.instructed_kwh for period in ledger.periods],
        **{key: [] for key in ("accepted_kwh", "shortfall_kwh")},
        "pence_per_kwh": [period.pence_per_kwh for period in ledger.periods],
        "payment_gbp": [],
    }
    for i, period in enumerate(ledger.periods):
        is_nominated, said = ledger.nominated[i]
        if is_nominated:
            is_known = said is not None and not n_missing[i]
            should["baseline_kwh"][i] = said
            should["delivered_kwh"][i] = period.sign * ((said or 0.0) - sums["metered_kwh"][i]) if is_known else 0.0
        delivered, instructed = should["delivered_kwh"][i], period.instructed_kwh
        accepted = max(delivered if instructed is None else min(delivered, instructed), 0.0)
        should["accepted_kwh"].append(accepted)
        should["shortfall_kwh"].append(0.0 if instructed is None else max(instructed - delivered, 0.0))
        should["payment_gbp"].append(accepted * period.pence_per_kwh / _PENCE_PER_GBP)
    line, row = next(pages.rows(_DELIVERED))
    for key, values in should.items():
        found.compare(_DELIVERED, line, f"all {key}", row[key], values)
    for key, there in pages.manifest["totals"].items():
        if key in should:
            found.compare(MANIFEST, None, f"totals {key}", there, _total(should[key]))


def _total(values: Sequence[float | None]) -> float | None:
    """The sum in order; None when one is not known."""
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total
