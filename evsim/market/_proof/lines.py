"""How a proof is written down: JSON Lines, each line with the hash of the one before it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

LINK = "sha256_of_previous"
"""The last key of every line."""
SEAL = "sha256_of_the_above"
"""The last key of the manifest."""
MANIFEST = "manifest.json"
FILES = ("instruction.jsonl", "orders.jsonl", "meters.jsonl", "baseline.jsonl", "delivered.jsonl")
"""The files of a proof beside its manifest."""
SCHEMA_VERSION = 1


class Written(NamedTuple):
    """A file of lines, as the manifest lists it; hashes are SHA-256 in hexadecimal."""

    name: str
    lines: int
    bytes: int
    sha256: str
    sha256_of_last_line: str


def compact(row: Mapping[str, Any]) -> str:
    """A row as one line of JSON; numbers as the shortest text that comes back to the bit."""
    return json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return sha256(data).hexdigest()


def genesis_of(header: Mapping[str, Any]) -> str:
    """What the first line of every file carries: the hash of the manifest's header as one compact line."""
    return digest(compact(header).encode())


def linked(row: Mapping[str, Any], previous: str) -> bytes:
    """A row as a line, without its end, that carries the hash of the line before it."""
    return f'{compact(row)[:-1]},"{LINK}":"{previous}"}}'.encode()


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]], genesis: str) -> Written:
    """Write rows as lines, one after the other."""
    previous, n_lines, n_bytes, whole = genesis, 0, 0, sha256()
    with path.open("wb") as file:
        for row in rows:
            line = linked(row, previous)
            previous = digest(line)
            whole.update(line)
            whole.update(b"\n")
            file.write(line)
            file.write(b"\n")
            n_lines, n_bytes = n_lines + 1, n_bytes + len(line) + 1
    return Written(path.name, n_lines, n_bytes, whole.hexdigest(), previous)


def manifest_text(told: Mapping[str, Any]) -> bytes:
    """A manifest; its last line but one is the hash of all bytes above that line."""
    body = json.dumps(told, ensure_ascii=False, allow_nan=False, indent=2)
    above = f"{body.removesuffix('}').rstrip()},\n".encode()
    return above + seal_of(above)


def seal_of(above: bytes) -> bytes:
    """How a manifest ends whose other lines are these."""
    return f'  "{SEAL}": "{digest(above)}"\n}}\n'.encode()
