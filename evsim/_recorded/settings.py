"""Which sessions to live again, and what their file does not say: the settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, PrivateAttr

from evsim._recorded.sessions import RecordedSessions
from evsim._typed_in.faults import Fault, show, typed_fault
from evsim._typed_in.settings import Kwh, Settings, setting
from evsim._typed_in.values import as_name, as_timezone, in_unit

DEFAULT_BATTERY_KWH = 60
"""The default average driver's; it decides the SoC that is drawn, not the energy."""
BATTERY_LIMITS_KWH = (1, 1_000)
CHARGER_LIMITS_KW = (0.1, 500)
"""As of an archetype."""

NO_ARCHETYPES = (
    {
        "name": "Nobody",
        "population_percent": 100,
        "miles_per_year": 0,
        "battery_kwh": 60,
        "efficiency_miles_per_kwh": 3.5,
        "plug_in_frequency_per_day": 1,
        "charger_kw": 7,
        "plug_in_time": "18:00",
        "plug_out_time": "07:00",
        "target_soc_percent": 80,
    },
)
"""Stands where sessions could not be read, so that the rest of the config is judged as it is; never lived."""

_HASH = "^[0-9a-f]{64}$"


def _as_hash(given: Any) -> str:
    if not isinstance(given, str) or not re.fullmatch(_HASH, given):
        raise typed_fault(f"{show(given)} is not a SHA-256, which has 64 digits 0-9 and a-f")
    return given


_Header: TypeAlias = Annotated[str, Field(min_length=1), BeforeValidator(as_name)] | None
_GivenZone: TypeAlias = Annotated[str, Field(min_length=1), BeforeValidator(as_timezone)] | None
_GivenKw: TypeAlias = (
    Annotated[float, Field(ge=CHARGER_LIMITS_KW[0], le=CHARGER_LIMITS_KW[1]), BeforeValidator(in_unit("kW"))] | None
)
_GivenHash: TypeAlias = Annotated[str, Field(pattern=_HASH), BeforeValidator(_as_hash)] | None


class Columns(Settings):
    """Headers of a file of sessions. What is left out is recognised by its header."""

    plug_in: _Header = setting("Header of the times of plugging in.", "header", None)
    plug_out: _Header = setting("Header of the times of unplugging.", "header", None)
    energy_kwh: _Header = setting("Header of the energies at the meter, kWh.", "header", None)
    user: _Header = setting("Header of who charges. Without one the station, else each row, is a user.", "header", None)
    archetype: _Header = setting("Header of the kinds of people. Without one all are one kind.", "header", None)
    battery_kwh: _Header = setting("Header of usable battery capacities, kWh.", "header", None)
    charger_kw: _Header = setting("Header of the chargers' powers, kW.", "header", None)
    soc_percent: _Header = setting("Header of states of charge at plug-in, %.", "header", None)


class Sessions(Settings):
    """Real sessions that are lived again instead of archetypes."""

    file: Annotated[str, BeforeValidator(as_name)] = setting(
        "CSV file with a real session in each row.", "file", min_length=1
    )
    columns: Columns = Field(default_factory=Columns, description="Headers that are not recognised by themselves.")
    charger_kw: _GivenKw = setting(
        "Charger of users whose charger the file does not say. Left out: estimated from their sessions.", "kW", None
    )
    battery_kwh: Kwh = setting(
        "Usable battery of users whose battery the file does not say; enlarged where a session needs more.",
        "kWh",
        DEFAULT_BATTERY_KWH,
        ge=BATTERY_LIMITS_KWH[0],
        le=BATTERY_LIMITS_KWH[1],
    )
    timezone: _GivenZone = setting(
        "Where the file's times without an offset are local. Left out: simulation.timezone.", "place", None
    )
    sha256: _GivenHash = setting(
        "The file's SHA-256, filled in by a run; when it is given, another file is refused.", "hash", None
    )
    _recorded: RecordedSessions | None = PrivateAttr(default=None)

    @classmethod
    def prepare(cls, given: Any, context: Any) -> tuple[Any, list[Fault]]:  # noqa: ARG003 - not every part needs it
        """A file's name alone is `{"file": name}`."""
        return ({"file": given} if isinstance(given, str) else given), []

    @property
    def recorded(self) -> RecordedSessions | None:
        """What was read, once it was."""
        return self._recorded

    def with_recorded(self, recorded: RecordedSessions) -> Sessions:
        """The same settings with what was read."""
        made = self.model_copy(update={"sha256": recorded.sha256})
        made._recorded = recorded
        return made

    def mapped(self) -> Mapping[str, str]:
        """Headers by key, of the columns that are mapped."""
        return self.columns.model_dump(exclude_none=True)
