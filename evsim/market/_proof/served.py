"""What was asked for, worked out again: the windows, their settlement periods, and the orders that were sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from evsim.market._proof.almanac import PERIOD_S, Almanac, seconds, utc_text
from evsim.market._proof.findings import Findings, alike, shown
from evsim.market._proof.reading import Pages

Rows: TypeAlias = Sequence[tuple[int, Mapping[str, Any]]]
_SECONDS_PER_HOUR = 3_600
_INSTRUCTION, _ORDERS = "instruction.jsonl", "orders.jsonl"


class Period(NamedTuple):
    """A settlement period that a window touches.

    sign : of baseline less metered; instructed_kwh : None without a target
    """

    day: str
    number: int
    start_utc: str
    sign: float
    instructed_kwh: float | None
    pence_per_kwh: float


class _Window(NamedTuple):
    start_s: int
    end_s: int
    is_up: bool
    target_kw: float | None
    pence_per_kwh: float


def check_instruction(pages: Pages, almanac: Almanac, found: Findings) -> list[Period]:
    """Check the windows against the words of the instruction; the settlement periods that they touch."""
    rows = list(pages.rows(_INSTRUCTION))
    words = [row for _, row in rows if row["row"] == "received"]
    served = [(line, row) for line, row in rows if row["row"] == "served"]
    if not words:
        found.add(_INSTRUCTION, None, "no word of the instruction is there")
        return []
    known_s, closed_s = min(seconds(row["known_utc"]) for row in words), seconds(pages.header["closed_utc"])
    windows: list[_Window] = []
    for line, row in served:
        start_s, end_s = seconds(row["start_utc"]), seconds(row["end_utc"])
        earliest = windows[-1].end_s if windows else known_s
        if not earliest <= start_s < end_s <= closed_s:
            span = f"{utc_text(earliest)} to {utc_text(closed_s)}"
            found.add(_INSTRUCTION, line, f"serves {row['start_utc']} to {row['end_utc']}, not within {span}")
            continue
        if not any(_is_of(row, word, almanac) for word in words):
            terms = f"{row['action']}, {shown(row['target_kw'])} kW, {row['pence_per_kwh']} p/kWh"
            text = f"serves {row['start_utc']} to {row['end_utc']}, {terms}; no word of the instruction says so"
            found.add(_INSTRUCTION, line, text)
        target, is_up = row["target_kw"], row["action"] == "turn_up"
        windows.append(_Window(start_s, end_s, is_up, target, row["pence_per_kwh"]))
    return _periods(windows, almanac)


def _is_of(served: Mapping[str, Any], word: Mapping[str, Any], almanac: Almanac) -> bool:
    """Whether a window has a word's terms and times, as far as the word tells them, and comes after it was known."""
    start_s, end_s = seconds(served["start_utc"]), seconds(served["end_utc"])
    first_s, last_s = almanac.instant(word.get("start")), almanac.instant(word.get("end"))
    is_within = (first_s is None or first_s <= start_s) and (last_s is None or end_s <= last_s)
    keys = ("action", "target_kw", "pence_per_kwh")
    has_terms = all(key not in word or alike(word[key], served[key]) for key in keys)
    return is_within and has_terms and seconds(word["known_utc"]) <= start_s


def _periods(windows: Sequence[_Window], almanac: Almanac) -> list[Period]:
    starts: set[int] = set()
    for window in windows:
        day, number = almanac.place(window.start_s)
        first = almanac.midnight_s(day) + (number - 1) * PERIOD_S
        starts.update(range(first, window.end_s, PERIOD_S))
    return [_period(windows, start, almanac) for start in sorted(starts)]


def _period(windows: Sequence[_Window], start: int, almanac: Almanac) -> Period:
    """The terms of a period: of the direction that has most of it, of equals the later."""
    parts = [(min(w.end_s, start + PERIOD_S) - max(w.start_s, start), w) for w in windows]
    parts = [(length, w) for length, w in parts if length > 0]
    longest = parts[0]
    for part in parts[1:]:
        if part[0] >= longest[0]:
            longest = part
    is_up = longest[1].is_up
    parts = [(length, w) for length, w in parts if w.is_up == is_up]
    instructed: float | None = 0.0
    for length, w in parts:
        known = instructed is not None and w.target_kw is not None
        instructed = instructed + w.target_kw * length / _SECONDS_PER_HOUR if known else None  # type: ignore[operator]
    price = sum(length * w.pence_per_kwh for length, w in parts) / sum(length for length, _ in parts)
    day, number = almanac.place(start)
    return Period(day, number, utc_text(start), -1.0 if is_up else 1.0, instructed, price)


def check_orders(pages: Pages, responses: Mapping[str, str], found: Findings) -> None:
    """Orders in time order, while the dispatch stood, to meters that there are; who took part had one.

    responses : by meter
    """
    words = [row for _, row in pages.rows(_INSTRUCTION) if row["row"] == "received"]
    if not words:
        return
    known = min(seconds(row["known_utc"]) for row in words)
    closed = seconds(pages.header["closed_utc"])
    last, had_one = known, set()
    for line, row in pages.rows(_ORDERS):
        at, name = seconds(row["at_utc"]), row["meter_id"]
        if name not in responses:
            found.add(_ORDERS, line, f"is for {shown(name)}, which is no meter of the portfolio")
        if not known <= at <= closed:
            span = f"{utc_text(known)}, when it was known, to {utc_text(closed)}, when it closed"
            found.add(_ORDERS, line, f"was sent at {row['at_utc']}, not within {span}")
        elif at < last:
            found.add(_ORDERS, line, f"was sent at {row['at_utc']}, before the line above it ({utc_text(last)})")
        last = max(last, at)
        had_one.add(name)
    for name, response in responses.items():
        if response == "took_part" and name not in had_one:
            found.add(_ORDERS, None, f"no order for {shown(name)}, which is told to have taken part")
