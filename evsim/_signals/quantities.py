"""What is measured in which units, and how a unit is recognised in what people write."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from evsim._typed_in.faults import did_you_mean, show, typed_fault


class Quantity(NamedTuple):
    """A kind of value.

    what : in words; units : what a value of each is in the unit of a run; default : the unit meant when none is said
    low, high : the range in which a value can be, and in which most are, both in the unit of a run
    """

    what: str
    units: Mapping[str, float]
    default: str
    run_unit: str
    can_be: tuple[float, float]
    most_are: tuple[float, float]


PRICES = Quantity(
    "prices",
    {"p_per_kwh": 0.01, "gbp_per_kwh": 1.0, "gbp_per_mwh": 0.001},
    "p_per_kwh",
    "GBP/kWh",
    (-100.0, 100.0),
    (0.01, 2.0),
)
"""Great Britain's imbalance price was -0.2 to 6 GBP/kWh; a hundred is a slip of the unit."""
CARBON = Quantity("carbon intensities", {"g_per_kwh": 1.0}, "g_per_kwh", "g/kWh", (0.0, 5_000.0), (0.0, 2_000.0))
"""Lignite emits some 1,100 g/kWh."""
DEMANDS = Quantity("demands", {"kw": 1.0, "mw": 1_000.0}, "kw", "kW", (-1e9, 1e9), (-1e9, 1e9))
"""Of a feeder with solar panels it may be negative."""

_IN_HEADER = r"(?:^|_)(?:(p|gbp|g)_(?:per_)?(kwh|mwh)|(kw|mw))(?=_|$)"
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
