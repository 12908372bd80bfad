"""A JSON file of dispatches, as a config names it: ours, or the events of a virtual power plant's interface."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_core import ValidationError

from evsim._dispatch.settings import Dispatch
from evsim._typed_in.faults import Fault, faults_of, printable, show_path
from evsim._typed_in.files import CannotReadError, read_bytes, text_of
from evsim._typed_in.json_source import read_json

_LISTS = ("dispatches", "events", "results", "data")


def resolve(given: str) -> tuple[tuple[Dispatch, ...], list[Fault]]:
    """The dispatches of a file, and what is wrong with it. Rows that say the same twice are one."""
    name = printable(Path(given).name)
    try:
        document = read_json(text_of(read_bytes(given)))
    except CannotReadError as error:
        return (), [Fault(("dispatches",), f"{name}: {error}")]
    if document.slips:
        return (), [
            Fault(("dispatches",), f"{name} line {slip.line}, column {slip.column}: {slip.text}")
            for slip in document.slips
        ]
    rows, within = _rows(document.value)
    if rows is None:
        return (), [Fault(("dispatches",), f"{name}: no list of dispatches, nor an object with one as {_or(_LISTS)}")]
    made: list[Dispatch] = []
    faults = []
    for i, row in enumerate(rows):
        try:
            one = Dispatch.model_validate(row)
        except ValidationError as error:
            line = document.lines.get((*within, i), 1)
            faults += [
                Fault(("dispatches",), f"{name} line {line}: {show_path((i, *fault.path))}: {fault.text}")
                for fault in faults_of(error, Dispatch)
            ]
            continue
        if one not in made:
            made.append(one)
    return tuple(made), faults


def _rows(value: Any) -> tuple[list[Any] | None, tuple[str, ...]]:
    """The list in a file, and under which key it stands."""
    if isinstance(value, list):
        return value, ()
    if isinstance(value, Mapping):
        for key in _LISTS:
            if isinstance(value.get(key), list):
                return value[key], (key,)
    return None, ()


def _or(names: tuple[str, ...]) -> str:
    return " or ".join(f'"{name}"' for name in names)
