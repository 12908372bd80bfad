"""Values in a JSON file: Octopus' unit rates, or intensities of the Carbon Intensity API of Great Britain."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from math import isfinite, nan
from typing import Any, NamedTuple

import numpy as np

from evsim._errors import name_some
from evsim._recorded.times import BLANK, read_times
from evsim._signals.faulty import MOST_NAMED, FaultySourceError
from evsim._signals.quantities import CARBON, PRICES, Quantity
from evsim._signals.rows import Rows, check_times, instants, lay_out
from evsim._typed_in.faults import show
from evsim._typed_in.files import CannotReadError

FORMS = '{"results": [{"value_inc_vat", "valid_from", "valid_to"}]} or {"data": [{"from", "to", "intensity"}]}'
DIRECT_DEBIT = "DIRECT_DEBIT"


class _Form(NamedTuple):
    """A kind of file: the key of its list, what it holds in which unit, the keys of a row, and the row's two values."""

    listed: str
    quantity: Quantity
    unit: str
    start: str
    end: str
    values: Callable[[Mapping[str, Any]], tuple[Any, Any]]


def _unit_rate(row: Mapping[str, Any]) -> tuple[Any, Any]:
    value = row.get("value_inc_vat")
    return value, value


def _intensity(row: Mapping[str, Any]) -> tuple[Any, Any]:
    held = row.get("intensity")
    return (held.get("actual"), held.get("forecast")) if isinstance(held, Mapping) else (held, held)


_OCTOPUS = _Form("results", PRICES, "p_per_kwh", "valid_from", "valid_to", _unit_rate)
_CARBON = _Form("data", CARBON, "g_per_kwh", "from", "to", _intensity)


class Held(NamedTuple):
    """What a JSON file holds: its rows, their unit, and what somebody should know of it."""

    rows: Rows
    unit: str
    remarks: tuple[str, ...]


def looks_like_json(data: bytes) -> bool:
    """Whether a file is JSON, by how it begins."""
    return data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def read_json_rows(data: bytes, quantity: Quantity) -> Held:
    """The values of a JSON file. Raises FaultySourceError or CannotReadError."""
    document = _document(data)
    form, listed, place = _list_in(document)
    if form.quantity is not quantity:
        raise FaultySourceError.at(("file",), f"holds {form.quantity.what}, not {quantity.what}; name another file")
    listed, place, remarks = _one_payment(listed, place)
    if isinstance(document, Mapping) and document.get("next"):
        remarks = (*remarks, "the file is one page of several; only what it holds is read")

    def where(i: int) -> str:
        return f"{form.listed}[{place[i]}]"

    _check_rows(listed, form, where)
    starts, ends = ([_text(row.get(key)) for row in listed] for key in (form.start, form.end))
    times, until = read_times(starts), read_times(ends)
    check_times(times, lambda i: f'"{form.start}" {show(starts[i])}', where)
    check_times(until, lambda i: f'"{form.end}" {show(ends[i])}', where, may_be_blank=True)
    start = instants(times, "UTC", where, is_utc=True)
    end = np.where(until.kind == BLANK, nan, until.seconds.astype(np.float64))
    pairs = [_pair(row, form, where, i) for i, row in enumerate(listed)]
    actual, told = np.array(pairs, np.float64).reshape(-1, 2).T
    if np.isnan(told).all():
        told = actual
    return Held(lay_out(start, end, actual, told, where), form.unit, remarks)


def _document(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise CannotReadError("not UTF-8 text; save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        text = f"line {error.lineno} column {error.colno} is not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise CannotReadError(f"{text}; was the file saved whole?") from None
    except (RecursionError, ValueError):
        raise CannotReadError(f"is JSON, but not a list of values; it should be {FORMS}") from None


def _list_in(document: Any) -> tuple[_Form, Sequence[Any], Sequence[int]]:
    """The form of a document and its rows; a region's intensities are one level further in."""
    for form in (_OCTOPUS, _CARBON):
        listed = document.get(form.listed) if isinstance(document, Mapping) else document
        if isinstance(listed, Mapping):
            listed = listed.get(form.listed)
        if isinstance(listed, list) and (not listed or (isinstance(listed[0], Mapping) and form.start in listed[0])):
            if not listed:
                raise FaultySourceError.at(
                    ("file",), f'"{form.listed}" is an empty list; ask for dates that have values'
                )
            return form, listed, range(len(listed))
    raise FaultySourceError.at(("file",), f"is JSON, but not a list of values; it should be {FORMS}")


def _one_payment(listed: Sequence[Any], place: Sequence[int]) -> tuple[Sequence[Any], Sequence[int], tuple[str, ...]]:
    """Of rates that depend on how one pays, those for direct debit."""
    methods = [row.get("payment_method") for row in listed if isinstance(row, Mapping)]
    ways = {method for method in methods if isinstance(method, str)}
    if len(ways) < 2 or DIRECT_DEBIT not in ways:
        return listed, place, ()
    kept = [
        i
        for i, row in enumerate(listed)
        if not isinstance(row, Mapping) or row.get("payment_method") in (None, DIRECT_DEBIT)
    ]
    return [listed[i] for i in kept], kept, ("of several ways to pay, direct debit's rates are read",)


def _check_rows(listed: Sequence[Any], form: _Form, where: Callable[[int], str]) -> None:
    needed = {"value_inc_vat"} if form is _OCTOPUS else {"intensity"}
    wrong = [i for i, row in enumerate(listed) if not isinstance(row, Mapping) or not needed <= row.keys()]
    if wrong:
        named = name_some([where(i) for i in wrong], MOST_NAMED)
        raise FaultySourceError.at(("file",), f'{named}: no "{needed.pop()}"; the form is {FORMS}')


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)


def _pair(row: Mapping[str, Any], form: _Form, where: Callable[[int], str], i: int) -> tuple[float, float]:
    actual, told = form.values(row)
    return _number(actual, where, i), _number(told, where, i)


def _number(value: Any, where: Callable[[int], str], i: int) -> float:
    if value is None:
        return nan
    try:
        number = nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:
        number = nan
    if not isfinite(number):
        raise FaultySourceError.at(("file",), f"{where(i)} has the value {show(value)}: not a number, nor null")
    return number
