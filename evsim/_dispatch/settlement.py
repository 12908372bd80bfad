"""How what was delivered is measured and paid for: the settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SerializeAsAny, WithJsonSchema
from pydantic_core import ValidationError

from evsim._dispatch.methods import METHODS, Bl01, Method
from evsim._typed_in.faults import Fault, did_you_mean, faults_of, quoted, show, told_fault
from evsim._typed_in.files import NO_SUCH_FILE
from evsim._typed_in.settings import Percent, Settings, setting

_MOST_ERROR_PERCENT = 50


def _method_of(given: Any) -> tuple[Any, list[Fault]]:
    """The method that is written as a name, or as an object with one."""
    if isinstance(given, Method):
        return given, []
    settings = {"method": given} if isinstance(given, str) else given
    if not isinstance(settings, Mapping):
        return None, [Fault((), f'{show(given)} where a method belongs: a name, as in "bl01", or an object with one')]
    name = settings.get("method", Bl01.name)
    plain = name.strip().casefold().replace("-", "_") if isinstance(name, str) else name
    if not isinstance(plain, str) or plain not in METHODS:
        return None, [Fault(("method",), f"{show(name)} is no method{did_you_mean(plain, METHODS)}")]
    try:
        return METHODS[plain].model_validate({**settings, "method": plain}), []
    except ValidationError as error:
        return None, faults_of(error, METHODS[plain])


def _as_method(given: Any) -> Method:
    if not isinstance(given, Method):
        raise told_fault("not a method")
    return given


def _schema() -> dict[str, Any]:
    """A name, or an object whose settings depend on its method."""
    named = {"type": "string", "enum": list(METHODS)}
    told = {**named, "description": "Name of the method.", "unit": "method", "default": Bl01.name}
    return {"anyOf": [named, {"type": "object", "properties": {"method": told}, "additionalProperties": True}]}


class Settlement(Settings):
    """How what was delivered is measured and paid for."""

    baseline: Annotated[SerializeAsAny[Method], BeforeValidator(_as_method), WithJsonSchema(_schema())] = Field(
        default_factory=Bl01,
        description="What the market takes a meter to have been without the dispatch: a method's name, or an object "
        "with its settings.",
        json_schema_extra={"unit": "method", "default": Bl01.name},
    )
    meter_error_percent: Percent = setting(
        "Accuracy of the meters: each is wrong by a share of its own, the same all the time, up to this.",
        "%",
        0,
        ge=0,
        le=_MOST_ERROR_PERCENT,
    )
    missing_readings_percent: Percent = setting("Share of half-hours that are not read.", "%", 0, ge=0, le=100)

    @classmethod
    def prepare(cls, given: Any, context: Any) -> tuple[Any, list[Fault]]:  # noqa: ARG003 - not every part needs it
        """With its method made."""
        if not isinstance(given, Mapping) or "baseline" not in given:
            return given, []
        made, faults = _method_of(given["baseline"])
        rest = {key: value for key, value in given.items() if key != "baseline"}
        file = getattr(made, "file", None)
        if file is not None and not Path(file).is_file():
            faults.append(Fault(("file",), f"{quoted(file)}: {NO_SUCH_FILE}"))
        found: Iterable[Fault] = (Fault(("baseline", *fault.path), fault.text) for fault in faults)
        return rest if made is None else {**rest, "baseline": made}, list(found)
