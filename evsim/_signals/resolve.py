"""A config whose sources of values are read, and judged against the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import ValidationError

from evsim._clock import Clock
from evsim._config.parts import DEFAULT_TIMEZONE, Simulation
from evsim._signals.build import built
from evsim._signals.faulty import FaultySourceError
from evsim._signals.settings import SOURCES
from evsim._typed_in.faults import Fault, faults_of
from evsim._typed_in.settings import attempt, part_of
from evsim._typed_in.values import as_timezone


def resolve(given: Mapping[str, Any], *, dates_are_known: bool) -> tuple[dict[str, Any], list[Fault]]:
    """The config with its sources read, and what is wrong with them; a faulty one is left out.

    dates_are_known : whether the run's dates are what they will be; if not, only the sources themselves are judged
    """
    config = dict(given)
    clock = _clock(config.get("simulation")) if dates_are_known else None
    zone = attempt(as_timezone, part_of(config.get("simulation"), "timezone")) or DEFAULT_TIMEZONE
    faults: list[Fault] = []
    for key, kind in SOURCES.items():
        if config.get(key) is None:
            continue
        try:
            source = kind.model_validate(config[key])
            if source.kind == "file" and source._reading is None:
                from evsim._signals.read import read_source

                source = source.resolved(read_source(source, key, zone))
            elif source.kind != "file":
                source = source.resolved()
            if clock is not None:
                built(source, key, clock)
        except ValidationError as error:
            found = faults_of(error, kind)
        except FaultySourceError as error:
            found = error.faults
        else:
            config[key] = source
            continue
        config[key] = None
        faults += [Fault((key, *fault.path), fault.text, fault.about_several) for fault in found]
    return config, faults


def _clock(simulation: Any) -> Clock | None:
    """The clock of a run; None where its settings are faulty, which is told where they stand."""
    try:
        return Simulation.model_validate({} if simulation is None else simulation).clock()
    except ValidationError:
        return None
