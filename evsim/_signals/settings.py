"""Where a signal's values come from: the settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from pydantic import BeforeValidator, Field, PrivateAttr, WithJsonSchema

from evsim._recorded.settings import _GivenHash, _GivenZone, _Header
from evsim._signals.periods import Periods, seconds_of
from evsim._signals.quantities import CARBON, DEMANDS, PRICES, Quantity, as_unit, is_like_a_value, read_value
from evsim._typed_in.faults import Fault, did_you_mean, show, typed_fault
from evsim._typed_in.json_source import Path
from evsim._typed_in.settings import Settings, attempt, setting
from evsim._typed_in.values import as_name, as_number, as_time, in_unit, show_time

if TYPE_CHECKING:
    from evsim._clock import Clock
    from evsim._signals.build import Built
    from evsim._signals.read import Reading

FILLS = ("previous", "interpolate", "same_time_day_before", "same_time_week_before")
BY_MONTH_AND_HOUR = "by_month_and_hour"
REPEATS = (BY_MONTH_AND_HOUR,)
ALWAYS = "always"
DEFAULT_PUBLISHED_AT = "16:00"
"""When Octopus publishes Agile's prices of the next day, about; they come from an auction of that day."""
KINDS = ("constant", "time_of_use", "file")
MOST = 1e9
_OF_FILES = ("columns", "timezone", "fill", "repeat", "sha256")
_EITHER = 'give one of "constant", "time_of_use" and "file"'


def _as_one_of(options: tuple[str, ...]) -> Callable[[Any], str]:
    def read(given: Any) -> str:
        if not isinstance(given, str) or given.strip() not in options:
            hint = did_you_mean(given, options) if len(options) > 1 else f"; there is {show(options[0])}"
            raise typed_fault(f"{show(given)} is none of the rules{hint}")
        return given.strip()

    return read


def _as_published(given: Any) -> str:
    """A time of day, or always."""
    if isinstance(given, str) and given.strip().casefold() == ALWAYS:
        return ALWAYS
    return show_time(as_time(given))


_Value: TypeAlias = Annotated[float, Field(ge=-MOST, le=MOST), BeforeValidator(in_unit(""))] | None
_Fill: TypeAlias = (
    Annotated[str, BeforeValidator(_as_one_of(FILLS)), WithJsonSchema({"type": "string", "enum": list(FILLS)})] | None
)
_Repeat: TypeAlias = (
    Annotated[str, BeforeValidator(_as_one_of(REPEATS)), WithJsonSchema({"type": "string", "enum": list(REPEATS)})]
    | None
)
_Published: TypeAlias = (
    Annotated[
        str,
        BeforeValidator(_as_published),
        WithJsonSchema({"type": "string", "pattern": r"^(always|([01]?\d|2[0-4]):[0-5]\d(:[0-5]\d)?)$"}),
    ]
    | None
)


def _named(quantity: Quantity) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(quantity.units)})


_PriceUnit: TypeAlias = Annotated[str, BeforeValidator(as_unit(PRICES)), _named(PRICES)] | None
_CarbonUnit: TypeAlias = Annotated[str, BeforeValidator(as_unit(CARBON)), _named(CARBON)] | None
_DemandUnit: TypeAlias = Annotated[str, BeforeValidator(as_unit(DEMANDS)), _named(DEMANDS)] | None


class SeriesColumns(Settings):
    """Headers of a file of values. What is left out is recognised by its header."""

    start: _Header = setting("Header of the instants from which values hold.", "header", None)
    end: _Header = setting(
        "Header of the instants until which they hold. Without one, until the next row.", "header", None
    )
    value: _Header = setting("Header of the values.", "header", None)


class Source(Settings):
    """Where values come from: a constant, a time-of-use table, or a file."""

    quantity: ClassVar[Quantity] = PRICES

    constant: _Value = setting("One value throughout.", "as unit says", None)
    time_of_use: Periods | None = setting(
        "Periods of the local day, [from, to, value], that cover 24 hours; one may span midnight.", "as unit says", None
    )
    weekend: Periods | None = setting(
        "The periods of Saturdays and Sundays. Left out: as on other days.", "as unit says", None
    )
    file: Annotated[str, Field(min_length=1), BeforeValidator(as_name)] | None = setting(
        "CSV file with an instant and a value in each row, or JSON of Octopus' or the Carbon Intensity API.",
        "file",
        None,
    )
    columns: SeriesColumns | None = Field(
        None,
        description="Headers that are not recognised by themselves.",
        json_schema_extra={"unit": "headers"},
    )
    unit: str | None = None
    timezone: _GivenZone = setting(
        "Where the file's times without an offset are local. Left out: simulation.timezone.", "place", None
    )
    fill: _Fill = setting("How instants without a value are filled. Left out: they are a fault.", "choice", None)
    repeat: _Repeat = setting(
        "Makes a typical year of the file: the mean of each month and local half-hour. Left out: its dates count.",
        "choice",
        None,
    )
    published_at: _Published = setting(
        "Local time of day at which the next day's values become known; or always. Left out: 16:00 for a file, always "
        "for anything else.",
        "local time",
        None,
    )
    sha256: _GivenHash = setting(
        "The file's SHA-256, filled in by a run; when it is given, another file is refused.", "hash", None
    )
    _reading: Reading | None = PrivateAttr(default=None)
    _built: dict[Clock, Built] = PrivateAttr(default_factory=dict)

    @classmethod
    def prepare(cls, given: Any, context: Any) -> tuple[Any, list[Fault]]:  # noqa: ARG003 - not every part needs it
        """A number alone is a constant, also with its unit, a list a time-of-use table, any other text a file."""
        if names_a_file(given) or given == "":
            return {"file": given}, []
        if isinstance(given, list | tuple):
            return {"time_of_use": given}, []
        if not isinstance(given, Mapping):
            given, is_alone = {"constant": given}, True
        else:
            is_alone = False
        typed = given.get("constant")
        if not isinstance(typed, str) or attempt(as_number, typed) is not None:
            return given, []
        read = read_value(typed, cls.quantity)
        if read is not None and attempt(as_unit(cls.quantity), given.get("unit", read[1])) == read[1]:
            return {**given, "constant": read[0], "unit": read[1]}, []
        if not is_alone:
            return given, []
        text = f"{show(typed)} is no value in {' or '.join(cls.quantity.units)}; {cls.quantity.example}"
        return {"constant": 0}, [Fault((), f'{text}; a file of that name is {{"file": {show(typed)}}}')]

    @classmethod
    def cross_check(cls, given: Any) -> Iterable[Fault]:
        """One kind of source, and only the settings that go with it."""
        there = [kind for kind in KINDS if given.get(kind) is not None]
        if not there and set(given) <= cls.model_fields.keys():
            yield Fault((), f"nothing is given; {_EITHER}")
        if len(there) > 1:
            yield Fault((there[1],), f"stands beside {there[0]}; {_EITHER}")
        if given.get("weekend") is not None and given.get("time_of_use") is None:
            yield Fault(("weekend",), "only goes with time_of_use")
        if there and "file" not in there:
            for key in _OF_FILES:
                if given.get(key) is not None:
                    yield Fault((key,), "only goes with file")
        yield from cls._check_when_known(given, there)

    @classmethod
    def _check_when_known(cls, given: Mapping[str, Any], there: list[str]) -> Iterable[Fault]:
        repeats = given.get("repeat") is not None
        if repeats and given.get("fill") is not None:
            yield Fault(("fill",), "does not go with repeat, whose means leave out what is not there")
        published = attempt(_as_published, given.get("published_at"))
        if published not in (None, ALWAYS) and there and (repeats or "file" not in there):
            what = "a typical year" if repeats else f"a {there[0].replace('_', '-')} source"
            yield Fault(
                ("published_at",), f'{show(published)}, but {what} is always known; leave it out or say "{ALWAYS}"'
            )

    def verify(self) -> Iterable[Fault]:
        """Values that are typed in must be such as can be, as must those of files."""
        typed: list[tuple[Path, float]] = [] if self.constant is None else [(("constant",), self.constant)]
        for key, periods in (("time_of_use", self.time_of_use), ("weekend", self.weekend)):
            typed += [((key, i, 2), value) for i, (_, _, value) in enumerate(periods or ())]
        for path, value in typed:
            why = self.quantity.why_not(value, self.unit_meant)
            if why is not None:
                yield Fault(path, f"{show(value)} {self.unit_meant}: {why}")

    @property
    def kind(self) -> str:
        """Which of `KINDS` it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def unit_meant(self) -> str:
        """The unit of what is typed."""
        return self.unit or self.quantity.default

    @property
    def published_meant(self) -> str:
        """When values become known."""
        return self.published_at or (DEFAULT_PUBLISHED_AT if self.kind == "file" and self.repeat is None else ALWAYS)

    @property
    def published_at_s(self) -> int | None:
        """Seconds after local midnight at which the next day becomes known; None for always."""
        return None if self.published_meant == ALWAYS else seconds_of(as_time(self.published_meant))

    def resolved(self, reading: Reading | None = None) -> Source:
        """The same with every default filled in, and with what was read of its file."""
        more = {} if reading is None else {"sha256": reading.sha256, "unit": reading.unit}
        made = self.model_copy(
            update={"unit": self.unit_meant, "published_at": self.published_meant} | more,
        )
        made._reading, made._built = reading, {}
        return made

    def mapped(self) -> Mapping[str, str]:
        """Headers by key, of the columns that are mapped."""
        return {} if self.columns is None else self.columns.model_dump(exclude_none=True)

    def __eq__(self, other: object) -> bool:
        """Equal when the same is written in the config, the file's hash included."""
        return type(self) is type(other) and isinstance(other, Source) and self._written() == other._written()

    def __hash__(self) -> int:
        return hash(json.dumps(self._written(), sort_keys=True))

    def _written(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_none=True)


class PriceSource(Source):
    """Where prices come from: a constant, a time-of-use table, or a file."""

    unit: _PriceUnit = setting("Unit of the values. Left out: what the file says, else p_per_kwh.", "choice", None)


class CarbonSource(Source):
    """Where the carbon intensity of electricity comes from: a constant, a time-of-use table, or a file."""

    quantity: ClassVar[Quantity] = CARBON

    unit: _CarbonUnit = setting("Unit of the values. Left out: what the file says, else g_per_kwh.", "choice", None)


class DemandSource(Source):
    """Where the demand of everything but the cars comes from: a constant, a time-of-use table, or a file."""

    quantity: ClassVar[Quantity] = DEMANDS

    unit: _DemandUnit = setting("Unit of the values. Left out: what the file's header says, else kw.", "choice", None)


SOURCES: Mapping[str, type[Source]] = {
    "import_price": PriceSource,
    "export_price": PriceSource,
    "carbon_intensity": CarbonSource,
    "demand": DemandSource,
}
"""By their keys in a config."""


def names_a_file(typed: Any) -> bool:
    """Whether a source that is only a text is a file's name, and not a value with its unit."""
    if not isinstance(typed, str) or not typed.strip():
        return False
    return attempt(as_number, typed) is None and not is_like_a_value(typed)
