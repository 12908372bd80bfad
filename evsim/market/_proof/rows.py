"""The rows of a proof's files. What is in each is in docs/proof.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from evsim._units import Anything, Floats, Ints
from evsim.market._baselines import Baseline
from evsim.market._proof.evidence import TOOK_PART, WHY, Evidence
from evsim.market._proof.history import earlier_days, rows_of_history
from evsim.market._proof.methods import history_of, nominated_in
from evsim.market._readings import as_day
from evsim.market._windows import utc_text

Row: TypeAlias = dict[str, Any]


def instruction_rows(evidence: Evidence) -> Iterator[Row]:
    """Each word as received, then each window that was served."""
    for word in evidence.words:
        yield {"row": "received", **word}
    for window in evidence.windows:
        yield {
            "row": "served",
            "start_utc": utc_text(window.start_s),
            "end_utc": utc_text(window.end_s),
            "action": window.action,
            "target_kw": window.target_kw,
            "pence_per_kwh": window.pence_per_kwh,
        }


def order_rows(evidence: Evidence) -> Iterator[Row]:
    """Each order as it was sent."""
    orders, names = evidence.orders, evidence.assets
    at = np.datetime_as_string(np.asarray(orders.at_utc, "datetime64[s]"), timezone="UTC").tolist()
    for when, asset, kw, reason in zip(at, orders.asset.tolist(), blank(orders.kw), orders.reason, strict=True):
        yield {"at_utc": when, "meter_id": names[asset], "kw": kw, "reason": str(reason)}


def meter_rows(evidence: Evidence) -> Iterator[Row]:
    """For each local date: the days looked back to, then what was read of each meter."""
    readings = evidence.readings
    for day, periods in evidence.settlement.periods.by_day():
        history = history_of(
            evidence.method, readings, day, evidence.event_days, evidence.holidays, first_period=int(periods[0])
        )
        nominated = nominated_in(evidence.method, readings, day)
        calendar: Row = {"row": "calendar", "settlement_date": str(day), "periods": periods.tolist()}
        if history is not None:
            calendar |= {"before_periods": list(history.before), "kind": history.kind}
            calendar["earlier_days"] = list(earlier_days(readings, day, history, evidence.event_days))
        if nominated is not None:
            calendar["is_portfolio_nominated"] = bool(np.isfinite(nominated[1]).any())
            calendar["nominated_portfolio_kwh"] = blank(nominated[1][periods - 1])
        yield calendar
        looked_at = None if history is None else rows_of_history(readings, day, history, periods)
        metered = readings.of_day(day)
        before = None if history is None or not history.before else metered[:, np.array(history.before) - 1]
        for i, name in enumerate(readings.meters):
            row: Row = {"row": "meter", "settlement_date": str(day), "meter_id": name}
            row["archetype"] = evidence.archetypes[i]
            row["metered_kwh"] = blank(metered[i, periods - 1])
            if before is not None:
                row["before_kwh"] = blank(before[i])
            if looked_at is not None:
                row |= next(looked_at)
            if nominated is not None:
                row["is_nominated"] = bool(np.isfinite(nominated[0][i]).any())
                row["nominated_kwh"] = blank(nominated[0][i, periods - 1])
            yield row


def baseline_rows(evidence: Evidence) -> Iterator[Row]:
    """For each local date and meter: which days were used, and the baseline."""
    made = {as_day(one.day): one for one in evidence.baselines}
    for day, periods in evidence.settlement.periods.by_day():
        yield from _baseline_rows(made[day], periods)


def _baseline_rows(one: Baseline, periods: Ints) -> Iterator[Row]:
    kwh, texts = one.kwh[:, periods - 1], one.days.astype(str)
    sufficient, adjusted, shift = one.is_sufficient.tolist(), one.is_adjusted.tolist(), one.adjustment_kwh.tolist()
    for i, name in enumerate(one.meters):
        yield {
            "settlement_date": str(one.day),
            "meter_id": name,
            "days_used": texts[one.used[i]].tolist(),
            "is_sufficient": sufficient[i],
            "note": one.note(i),
            "adjustment_kwh": shift[i] if adjusted[i] else None,
            "baseline_kwh": blank(kwh[i]),
        }


def delivered_rows(evidence: Evidence) -> Iterator[Row]:
    """All meters together, then each with its response."""
    found = evidence.settlement
    periods = found.periods
    yield {
        "row": "all",
        "settlement_date": [str(day) for day in periods.day],
        "settlement_period": periods.period.tolist(),
        "start_utc": [utc_text(start) for start in periods.start_s.tolist()],
        "baseline_kwh": blank(found.all_baseline_kwh),
        "metered_kwh": blank(found.all_metered_kwh),
        "delivered_kwh": blank(found.all_delivered_kwh),
        "n_missing": found.n_missing.tolist(),
        "instructed_kwh": blank(periods.instructed_kwh),
        "accepted_kwh": blank(found.accepted_kwh),
        "shortfall_kwh": blank(found.shortfall_kwh),
        "pence_per_kwh": blank(periods.pence_per_kwh),
        "payment_gbp": blank(found.payment_gbp),
    }
    totals = blank(np.add.accumulate(found.delivered_kwh, axis=1)[:, -1]) if len(periods.period) else None
    for i, name in enumerate(found.meters):
        response = str(evidence.responses[i])
        yield {
            "row": "meter",
            "meter_id": name,
            "response": response,
            "why": None if response == TOOK_PART else WHY.get(response, response.replace("_", " ")),
            "baseline_kwh": blank(found.baseline_kwh[i]),
            "metered_kwh": blank(found.metered_kwh[i]),
            "delivered_kwh": blank(found.delivered_kwh[i]),
            "total_delivered_kwh": 0.0 if totals is None else totals[i],
        }


def blank(values: Floats | Anything) -> list[float | None]:
    """Numbers for JSON; None where nothing is known."""
    return [value if value == value else None for value in np.asarray(values, np.float64).tolist()]  # noqa: PLR0124
