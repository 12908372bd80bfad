"""What is measured in which units, and how a unit is recognised in what people write."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from evsim._typed_in.faults import did_you_mean, show, typed_fault
from evsim._typed_in.settings import attempt
from evsim._typed_in.values import as_number


class Quantity(NamedTuple):
    """A kind of value.

    what : in words; units : what a value of each is in the unit of a run; default : the unit meant when none is said
    run_unit : the unit of a run, in which values are converted once, as a message names it
    can_be, most_are : the range in which a value can be, and in which most means are, both in the unit of a run
    example : how a value is written in a config, without its unit and with it
    """

    what: str
    units: Mapping[str, float]
    default: str
    run_unit: str
    can_be: tuple[float, float]
    most_are: tuple[float, float]
    example: str

    def why_not(self, value: float, unit: str) -> str | None:
        """Why a value in a unit cannot be; None where it can."""
        low, high = self.can_be
        in_run = value * self.units[unit]
        if low <= in_run <= high:
            return None
        asked = "; is the unit another one?" if abs(in_run) > high else ""
        return f"only {low:,.10g} to {high:,.10g} {self.run_unit} can be{asked}"


PRICES = Quantity(
    "prices",
    {"p_per_kwh": 0.01, "gbp_per_kwh": 1.0, "gbp_per_mwh": 0.001},
    "p_per_kwh",
    "GBP/kWh",
    (-100.0, 100.0),
    (0.01, 0.8),
    'write 28, or {"constant": 0.28, "unit": "gbp_per_kwh"}',
)
"""Great Britain's imbalance price was -0.2 to 6 GBP/kWh; a hundred is a slip of the unit, and so is a mean over 0.8."""
CARBON = Quantity(
    "carbon intensities",
    {"g_per_kwh": 1.0, "kg_per_kwh": 1_000.0},
    "g_per_kwh",
    "g/kWh",
    (0.0, 5_000.0),
    (5.0, 2_000.0),
    'write 120, or {"constant": 0.12, "unit": "kg_per_kwh"}',
)
"""Lignite emits some 1,100 g/kWh; a mean under 5 is not even that of water and wind, over their lives."""
DEMANDS = Quantity(
    "demands",
    {"kw": 1.0, "mw": 1_000.0},
    "kw",
    "kW",
    (-1e9, 1e9),
    (-1e9, 1e9),
    'write 300, or {"constant": 0.3, "unit": "mw"}',
)
"""Of a feeder with solar panels it may be negative."""

_IN_HEADER = r"(?:^|_)(?:(p|gbp|kg|g)_(?:per_)?(kwh|mwh)|(kw|mw))(?=_|$)"
_VALUE = re.compile(r"([+-]?)\s*(£?)\s*([+-]?[\d.][\d.,]*(?:e[+-]?\d+)?)\s*([^\d.,].*)?", re.IGNORECASE | re.ASCII)
_LIKE_A_VALUE = re.compile(r"[+-]?\s*[£€$]?\s*[+-]?\.?\d|[£€$]", re.ASCII)
_FILE_SUFFIX = re.compile(r".*\.[a-z]\w*", re.IGNORECASE | re.DOTALL)
_OTHER_MONEY = r"[€$]|(?:^|_)(eur|euros?|usd|nok|sek|dkk|chf|cents?|ct|aud)(?=_|$)"


class Heading(NamedTuple):
    """What a header says: its unit, if any, and what is left of it, letters and digits only."""

    unit: str | None
    stem: str


def read_heading(header: str) -> Heading:
    """`import_p_per_kwh_inc_vat` is `import`, in p_per_kwh."""
    text = _plain(header)
    found = re.search(_IN_HEADER, text)
    if found is None:
        return Heading(None, _letters(text))
    unit = found[3] or f"{found[1]}_per_{found[2]}"
    return Heading(unit, _letters(text[: found.start()] + "_" + text[found.end() :]))


def names_other_money(header: str) -> bool:
    """Whether a header says that its prices are not in pounds or pence."""
    return re.search(_OTHER_MONEY, _plain(header)) is not None


def is_like_a_value(text: str) -> bool:
    """Whether a text is meant as a value: it begins with a number or a currency, and is not `2023_agile.csv`."""
    plain = text.strip()
    return _LIKE_A_VALUE.match(plain) is not None and _FILE_SUFFIX.fullmatch(plain) is None


def read_value(text: str, quantity: Quantity) -> tuple[float, str] | None:
    """`28p` is (28, "p_per_kwh"), `£280/MWh` (280, "gbp_per_mwh"); None where that is not clear."""
    found = _VALUE.fullmatch(text.strip())
    if found is None:
        return None
    sign, currency, digits, rest = found.groups(default="")
    value = attempt(as_number, sign + digits)
    unit = _plain(f"{currency} {rest}").strip("_")
    named = [name for name in (unit, f"{unit}_per_kwh") if name in quantity.units]
    return (value, named[0]) if value is not None and named else None


def as_unit(quantity: Quantity) -> Callable[[Any], str]:
    """The reader of a unit's name; `p/kWh` is `p_per_kwh`."""

    def read(given: Any) -> str:
        unit = _plain(given).strip("_") if isinstance(given, str) else ""
        if unit not in quantity.units:
            units = ", ".join(quantity.units)
            hint = did_you_mean(given, quantity.units) if len(quantity.units) == 1 else f"; there are {units}"
            raise typed_fault(f"{show(given)} is not a unit of {quantity.what}{hint}")
        return unit

    return read


def _plain(text: str) -> str:
    """A unit or header in small letters and underscores: `£/MWh` is `gbp_per_mwh`."""
    text = re.sub(r"co2(?:eq?)?", "", text.strip().casefold()).replace("£", "gbp").replace("pence", "p")
    return re.sub(r"[^a-z0-9€$]+", "_", text.replace("/", "_per_"))


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.replace("inc_vat", "").replace("incl_vat", ""))
