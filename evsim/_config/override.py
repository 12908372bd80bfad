"""Single settings given by path, as in `--set archetypes[2].battery_kwh=50`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from evsim._config.sheet import key_of
from evsim._typed_in.faults import Fault, nearest, show, show_path
from evsim._typed_in.json_source import MOST_DEPTH, Path

Override: TypeAlias = tuple[str, str] | tuple[str, str, str]
"""(path, value as text), and how it was written, when not as `--set path=value`."""
ARCHETYPES, SESSIONS = "archetypes", "sessions"


def step_into(holder: Any, part: str | int, done: Path) -> tuple[str | int, str | None]:
    """The key of `holder` that a part of a path means, or why there is none."""
    where = show_path(done)
    if isinstance(holder, dict):
        is_row = len(done) == 2 and done[0] == ARCHETYPES
        key = str(part)
        return (key_of(key) or key) if is_row else key, None
    if not isinstance(holder, list):
        return part, f"{where} is {show(holder)}, which has no {show_path((part,))}"
    if isinstance(part, int):
        if -len(holder) <= part < len(holder):
            return part % len(holder), None
        return (
            part,
            f"{where} has no [{part}]; it has [0] to [{len(holder) - 1}]" if holder else f"{where} is empty",
        )
    names = [row.get("name") for row in holder if isinstance(row, Mapping)]
    if part in names:
        return names.index(part), None
    near = nearest(part, [name for name in names if isinstance(name, str)])
    hint = f"; did you mean {where}[{show(near)}]?" if near else f"; write {where}[0] for its first"
    return part, f"{where} has no {show(part)}{hint}"


def parse_path(dotted: str) -> tuple[Path, str | None]:
    """`archetypes[2].battery_kwh` and `charging.by_archetype["A name"].window` as parts."""
    parts: list[str | int] = []
    rest = dotted.strip()
    while rest:
        if rest.startswith("["):
            quote = rest[1:2] if rest[1:2] in ('"', "'") else ""
            inner, closed, rest = rest[1 + len(quote) :].partition(f"{quote}]")
            if not closed:
                return (), f"{show(dotted)} has a [ that is not closed"
            is_index = not quote and inner.strip().lstrip("-").isdecimal() and len(inner) < 10
            parts.append(int(inner) if is_index else inner)
        else:
            ends = [at for at in (rest.find("."), rest.find("[")) if at >= 0]
            end = min(ends, default=len(rest))
            part, rest = rest[:end], rest[end:]
            parts.append(int(part) if part.isdecimal() and len(part) < 10 else part)
        if rest.startswith("."):
            rest = rest[1:] or "."
        if parts[-1] == "":
            break
    if not parts or "" in parts:
        return (
            (),
            f"{show(dotted)} is not a setting's path, as are simulation.days and archetypes[2].battery_kwh",
        )
    return tuple(parts), None


def value_of(text: str) -> object:
    """The JSON value of a text, or the text itself."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if odd_keys(value) else value


def odd_keys(config: object) -> list[Fault]:
    """Keys that are no texts, halves of characters, and nesting without end."""
    pending: list[tuple[Path, object]] = [((), config)]
    while pending:
        path, value = pending.pop()
        if len(path) > MOST_DEPTH:
            return [Fault(path[:2], f"nested more than {MOST_DEPTH} deep; a config needs 6")]
        if isinstance(value, str) and _has_half(value):
            return [Fault(path, f"{show(value)} holds half of a two-part character")]
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str) or _has_half(key):
                    return [Fault(path, f"{show(key)} is not the name of a setting; names are texts")]
            pending += [((*path, key), inner) for key, inner in value.items()]
        elif isinstance(value, list | tuple):
            pending += [((*path, i), inner) for i, inner in enumerate(value)]
    return []


def _has_half(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text)
