"""What all parts of a config have in common: every fault at once, a description and a unit each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, Self, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticUndefined, ValidationError

from evsim._typed_in.faults import Fault, as_validation_error, faults_of
from evsim._typed_in.values import (
    as_holidays,
    as_name,
    as_percent,
    as_start,
    as_switch,
    as_time,
    as_timezone,
    as_whole,
    in_unit,
    show_start,
    show_time,
)

Percent: TypeAlias = Annotated[float, BeforeValidator(as_percent)]
Plain: TypeAlias = Annotated[float, BeforeValidator(in_unit(""))]
Miles: TypeAlias = Annotated[float, BeforeValidator(in_unit("miles"))]
Kwh: TypeAlias = Annotated[float, BeforeValidator(in_unit("kWh"))]
Kw: TypeAlias = Annotated[float, BeforeValidator(in_unit("kW"))]
Minutes: TypeAlias = Annotated[float, BeforeValidator(in_unit("min"))]
GivenPercent: TypeAlias = Annotated[float, Field(ge=0), BeforeValidator(as_percent)] | None
GivenKw: TypeAlias = Annotated[float, Field(gt=0), BeforeValidator(in_unit("kW"))] | None
GivenKwh: TypeAlias = Annotated[float, Field(ge=0), BeforeValidator(in_unit("kWh"))] | None
GivenHours: TypeAlias = Annotated[float, Field(ge=0), BeforeValidator(in_unit("h"))] | None
Whole: TypeAlias = Annotated[int, BeforeValidator(as_whole)]
Switch: TypeAlias = Annotated[bool, BeforeValidator(as_switch)]
Name: TypeAlias = Annotated[str, BeforeValidator(as_name)]
Zone: TypeAlias = Annotated[str, BeforeValidator(as_timezone)]
Region: TypeAlias = Annotated[
    str,
    BeforeValidator(as_holidays),
    WithJsonSchema({"type": ["string", "null"], "pattern": r"^(none|[A-Za-z]{2}(-[A-Za-z0-9]{1,6})?)$"}),
]
TimeOfDay: TypeAlias = Annotated[
    dt.time,
    BeforeValidator(as_time),
    PlainSerializer(show_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^([01]?\d|2[0-4]):[0-5]\d(:[0-5]\d)?$", "examples": ["18:00"]}),
]
LocalStart: TypeAlias = Annotated[
    dt.datetime,
    BeforeValidator(as_start),
    PlainSerializer(show_start, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d)?$"}),
]

T = TypeVar("T")


def setting(description: str, unit: str, default: Any = PydanticUndefined, **limits: Any) -> Any:
    """A field of a config model: what it is, its unit, its default (none: must be given) and its limits."""
    return Field(default, description=description, json_schema_extra={"unit": unit}, **limits)


def attempt(read: Callable[[Any], T], given: object) -> T | None:
    """The value of what was typed, or None when it is faulty (which is told where it stands)."""
    try:
        return read(given)
    except ValueError:
        return None


def part_of(given: object, key: str, default: object = None) -> Any:
    """One setting of a part that may be a mapping, a model, or something faulty."""
    if isinstance(given, Mapping):
        return given.get(key, default)
    return getattr(given, key, default) if isinstance(given, BaseModel) else default


class Settings(BaseModel):
    """A part of the config: frozen, without unknown keys, telling every fault in one `ValidationError`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", defer_build=True, arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    @classmethod
    def prepare(cls, given: Any, context: Any) -> tuple[Any, list[Fault]]:  # noqa: ARG003 - for parts to use
        """What was typed, in the form of the fields, with the faults found on the way."""
        return given, []

    @classmethod
    def cross_check(cls, given: Any) -> Iterable[Fault]:  # noqa: ARG003 - for parts to use
        """Faults of values that do not go together; must bear values that are faulty themselves."""
        return ()

    def verify(self) -> Iterable[Fault]:
        """Faults that only show when every part is known to be fine by itself."""
        return ()

    @model_validator(mode="wrap")
    @classmethod
    def _tell_every_fault(
        cls,
        given: Any,
        handler: ModelWrapValidatorHandler[Self],
        info: ValidationInfo,
    ) -> Self:
        if isinstance(given, cls):
            return handler(given)
        given, faults = cls.prepare(given, info.context)
        crossed = list(cls.cross_check(given)) if isinstance(given, Mapping) else []
        try:
            made = handler(given)
        except ValidationError as error:
            faults += faults_of(error, cls)
        if faults or crossed:
            raise as_validation_error(cls.__name__, [*faults, *crossed])
        wrong = list(made.verify())
        if wrong:
            raise as_validation_error(cls.__name__, wrong)
        return made
