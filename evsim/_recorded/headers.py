"""Which column of a file of sessions is what: known headers, and those that the config maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from evsim._errors import name_some
from evsim._typed_in.faults import Fault, did_you_mean, show

NEEDED = ("plug_in", "plug_out", "energy_kwh")
STATION = "station"
_HEADERS = {
    "plug_in": "pluginlocal pluginutc plugintime startplugin startpluginutc connectiontime start starttime startutc "
    "starttimeutc startdatetime startdate sessionstart utctransactionstart connectedat arrivaltime begin begintime",
    "plug_out": "plugoutlocal plugoututc plugouttime endplugout endplugoututc disconnecttime end endtime endutc "
    "endtimeutc enddatetime enddate sessionend utctransactionstop disconnectedat departuretime stop stoptime "
    "unplugtime",
    "energy_kwh": "elkwh kwhdelivered energy kwh energydelivered energydeliveredkwh deliveredkwh deliveredenergykwh "
    "importkwh energycharged energychargedkwh chargedkwh totalkwh totalenergy",
    "user": "userid username driver driverid customer customerid vehicle vehicleid car carid evid idtag",
    "archetype": "usertype archetypename kind group category",
    "battery_kwh": "battery batterycapacity batterycapacitykwh batterysizekwh capacitykwh",
    "charger_kw": "charger chargerpower chargerpowerkw chargerratingkw ratedpowerkw",
    "soc_percent": "soc pluginsoc pluginsocpercent startsoc startsocpercent initialsoc arrivalsoc socatplugin",
    STATION: "stationid stationname chargepoint chargepointid evse evseid",
}
"""By letters and digits: evsim's own `sessions.csv` (plug_in_utc, import_kwh, ...), ACN-Data, the Trondheim file,
ElaadNL's transactions, and what others write."""
_KEY_OF = {alias: key for key, aliases in _HEADERS.items() for alias in (key.replace("_", ""), *aliases.split())}
_UTC = ("utc", "gmt")
_MOST_NAMED = 12


class Column(NamedTuple):
    """A column of the file: where it is, and its header."""

    at: int
    header: str

    @property
    def is_utc(self) -> bool:
        """Whether its header says that its times are UTC."""
        return plain(self.header).startswith(_UTC) or plain(self.header).endswith(_UTC)


def plain(header: str) -> str:
    """The letters and digits of a header, by which it is known."""
    return "".join(c for c in header.casefold().replace("%", "percent") if c.isalnum())


def find_columns(headers: Sequence[str], mapped: Mapping[str, str]) -> tuple[dict[str, Column], list[Fault]]:
    """The column of each key that the file has, and what is wrong with the headers.

    mapped : headers by key, from the config; they go before what is recognised
    """
    found, faults = mapped_columns(headers, mapped)
    taken = {column.at for column in found.values()}
    for at, header in enumerate(headers):
        known = _KEY_OF.get(plain(header))
        if known is None or known in mapped or at in taken:
            continue
        if known in found and known != STATION:
            faults.append(_same(known, found[known], Column(at, header)))
        else:
            found.setdefault(known, Column(at, header))
    return found, faults or _missing(found, headers) or _shared(found)


def mapped_columns(headers: Sequence[str], mapped: Mapping[str, str]) -> tuple[dict[str, Column], list[Fault]]:
    """The columns that the config names, by key, and which of them there are not, or more than one of."""
    found: dict[str, Column] = {}
    faults: list[Fault] = []
    for key, header in mapped.items():
        places = _places(headers, header)
        if len(places) == 1:
            found[key] = Column(places[0], headers[places[0]])
            continue
        twice = f"{show(header)} is the header of columns {', '.join(str(at + 1) for at in places)}; rename one"
        strange = f"no column {show(header)}{did_you_mean(header, [h for h in headers if h])}"
        faults.append(Fault(("columns", key), twice if places else strange))
    return found, faults


def _places(headers: Sequence[str], header: str) -> list[int]:
    """Where a header is: as it is written, or else by its letters and digits."""
    exact = [at for at, there in enumerate(headers) if there == header]
    return exact or [at for at, there in enumerate(headers) if plain(there) == plain(header) != ""]


def _same(key: str, first: Column, again: Column) -> Fault:
    both = f"columns {first.at + 1} {show(first.header)} and {again.at + 1} {show(again.header)} can both be {key}"
    which = f'say which: "columns": {{"{key}": {show(first.header)}}}'
    return Fault((), f"{both}; {'rename one' if first.header == again.header else which}")


def _missing(found: Mapping[str, Column], headers: Sequence[str]) -> list[Fault]:
    missing = [key for key in NEEDED if key not in found]
    if not missing:
        return []
    there = name_some([show(header) for header in headers], _MOST_NAMED)
    example = ", ".join(f'"{key}": "..."' for key in missing)
    text = f'no column that can be {" or ".join(missing)}; the headers are {there}; map them: "columns": {{{example}}}'
    return [Fault((), text)]


def _shared(found: Mapping[str, Column]) -> list[Fault]:
    """Plug-in, plug-out and energy cannot be one column."""
    for i, key in enumerate(NEEDED):
        for other in NEEDED[:i]:
            if found[key].at == found[other].at:
                return [Fault(("columns", key), f"{show(found[key].header)} is {other} already")]
    return []
