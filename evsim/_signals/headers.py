"""Which columns of a file hold the instants and the values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from evsim._errors import name_some
from evsim._recorded.headers import Column, mapped_columns, plain
from evsim._signals.quantities import Quantity, names_other_money, read_heading
from evsim._typed_in.faults import Fault, show

_STARTS = (
    "from fromutc fromlocal start startutc startlocal starttime starttimeutc startsat validfrom validfromutc datetime "
    "datetimeutc dateandtime datefrom timestamp timestamputc time timeutc utc date hourstart hourstartutc "
    "halfhourstart periodstart periodstartutc intervalstart intervalstartutc deliverystart settlementstart "
    "startdatetime begin at"
)
_ENDS = (
    "to toutc tolocal end endutc endlocal endtime endtimeutc endsat validto validtoutc dateto periodend periodendutc "
    "intervalend intervalendutc deliveryend settlementend enddatetime until"
)
_PRICE = "price rate unitrate unitprice value tariff"
_VALUES: Mapping[str, tuple[str, str]] = {
    "import_price": ("import importprice importrate importunitrate importtariff", _PRICE),
    "export_price": ("export exportprice exportrate exportunitrate exporttariff outgoing", _PRICE),
    "carbon_intensity": (
        "carbonintensity carbonintensityactual ciactual ci intensity intensityactual actual carbon carbonactual",
        "value",
    ),
    "demand": ("demand demandkw load netdemand netload", "power value"),
}
"""What is left of a header without its unit: of this very signal, and of any."""
_MOST_NAMED = 12


class Found(NamedTuple):
    """The columns of a file of values, and the unit that the header of the values says."""

    start: Column
    end: Column | None
    value: Column
    unit: str | None


def find_columns(
    headers: Sequence[str], mapped: Mapping[str, str], key: str, quantity: Quantity
) -> tuple[Found | None, list[Fault]]:
    """The columns for a signal, by the config's mapping or by their headers; or what is wrong with them."""
    found, faults = mapped_columns(headers, mapped)
    if faults:
        return None, faults
    left = [Column(at, header) for at, header in enumerate(headers) if at not in {c.at for c in found.values()}]
    candidates = {
        "start": _best([c for c in left if plain(c.header) in _STARTS.split()], "start"),
        "end": _best([c for c in left if plain(c.header) in _ENDS.split()], "end"),
        "value": _values(left, key, quantity),
    }
    for name in ("start", "value"):
        if name not in found and len(candidates[name]) > 1:
            return None, [_several(name, candidates[name])]
    found = {**{name: columns[0] for name, columns in candidates.items() if columns}, **found}
    if len(headers) == 2 and "start" in found:
        other = 1 - found["start"].at
        found.setdefault("value", Column(other, headers[other]))
    missing = [name for name in ("start", "value") if name not in found]
    if missing:
        return None, [_missing(missing, headers, key)]
    if found["start"].at == found["value"].at:
        return None, [Fault(("columns", "value"), f"{show(found['value'].header)} is start already")]
    return _with_unit(found, quantity)


def _best(columns: list[Column], name: str) -> list[Column]:
    """Columns of instants: those in UTC before those in local time; of ends any one."""
    columns = [column for column in columns if column.is_utc] or columns
    return columns[:1] if name == "end" else columns


def _values(columns: list[Column], key: str, quantity: Quantity) -> list[Column]:
    """Columns that can hold the signal: those named after it before those with any such name or unit."""
    own, general = (frozenset(words.split()) for words in _VALUES[key])
    headings = {column: read_heading(column.header) for column in columns}
    fitting = {c: h for c, h in headings.items() if h.unit is None or h.unit in quantity.units}
    named = [c for c, h in fitting.items() if h.stem in own]
    return named or [c for c, h in fitting.items() if h.stem in general or (not h.stem and h.unit is not None)]


def _with_unit(found: Mapping[str, Column], quantity: Quantity) -> tuple[Found | None, list[Fault]]:
    header = found["value"].header
    unit = read_heading(header).unit
    if unit is not None and unit not in quantity.units:
        units = " or ".join(quantity.units)
        return None, [Fault(("columns", "value"), f"{show(header)} is in {unit}; {quantity.what} are in {units}")]
    if "gbp_per_kwh" in quantity.units and names_other_money(header):
        return None, [Fault(("columns", "value"), f"{show(header)} is not in pounds or pence; convert the values")]
    return Found(found["start"], found.get("end"), found["value"], unit), []


def _several(name: str, columns: list[Column]) -> Fault:
    both = " and ".join(f"{c.at + 1} {show(c.header)}" for c in columns[:2])
    which = f'say which: "columns": {{"{name}": {show(columns[0].header)}}}'
    same = columns[0].header == columns[1].header
    return Fault((), f"columns {both} can both be {name}; {'rename one' if same else which}")


def _missing(missing: list[str], headers: Sequence[str], key: str) -> Fault:
    there = name_some([show(header) for header in headers], _MOST_NAMED)
    example = ", ".join(f'"{name}": "..."' for name in missing)
    what = " or ".join({"start": "the start of a row", "value": f"the {key.replace('_', ' ')}"}[m] for m in missing)
    return Fault((), f'no column that can be {what}; the headers are {there}; map them: "columns": {{{example}}}')
