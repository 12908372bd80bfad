"""A proof as it lies on the disk: bytes, hashes, lines; nothing in it is believed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from evsim.market._proof.findings import Findings
from evsim.market._proof.lines import FILES, LINK, MANIFEST, SCHEMA_VERSION, SEAL, compact, digest, genesis_of, seal_of
from evsim.market._proof.shapes import FILE, HEADER, LINES, TOTALS, Fits, misfit
from evsim.market._proof.shapes import MANIFEST as MANIFEST_SHAPE

Update: TypeAlias = Callable[[float], None]
"""Told how far it is [0-1]."""
Line: TypeAlias = tuple[int, dict[str, Any]]
"""A row, and the number of its line."""
READING = 0.5
"""The share of the work that is reading."""


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


_DECODER = json.JSONDecoder(parse_constant=_refuse)


@dataclass
class Pages:
    """What a proof says: its manifest, and the lines of its files, which are read anew whenever they are gone through.

    unusable : files with lines that cannot be read, of which nothing is recomputed
    """

    folder: Path
    manifest: dict[str, Any]
    manifest_sha256: str
    lines: dict[str, list[bytes]] = field(default_factory=dict)
    unusable: list[str] = field(default_factory=list)
    n_bytes: int = 0

    @property
    def header(self) -> dict[str, Any]:
        """The terms."""
        found: dict[str, Any] = self.manifest["header"]
        return found

    def rows(self, name: str) -> Iterator[Line]:
        """The rows of a file, each with the number of its line."""
        return ((number, _DECODER.decode(line.decode())) for number, line in enumerate(self.lines[name], 1))

    def count(self, name: str) -> int:
        """How many rows a file has."""
        return len(self.lines[name])


def read_pages(folder: Path, found: Findings, update: Update | None) -> Pages | None:
    """Read a proof and check all its hashes; None when its manifest does not say what it is."""
    _check_names(folder, found)
    manifest = _read_manifest(folder, found)
    if manifest is None:
        for name in FILES:
            _bytes_of(folder, name, found)
        return None
    told, seal = manifest
    pages = Pages(folder, told, seal)
    genesis = genesis_of(pages.header)
    found.compare(MANIFEST, None, "sha256_of_header", told["sha256_of_header"], genesis)
    found.compare(MANIFEST, None, "the files listed", [row.get("name") for row in told["files"]], list(FILES))
    listed = {str(row.get("name")): row for row in told["files"]}
    n_bytes = sum((folder / name).stat().st_size for name in FILES if (folder / name).is_file())
    for name in FILES:
        data = _bytes_of(folder, name, found)
        row = listed.get(name, {})
        key = misfit(row, FILE)
        if key is not None:
            found.add(MANIFEST, None, f"{name} is listed without a usable {key}")
        if data is None or key is not None:
            pages.unusable.append(name)
            continue
        pages.n_bytes += len(data)
        _read_lines(name, data, row, genesis, pages, found)
        if update is not None:
            update(READING * pages.n_bytes / max(n_bytes, 1))
    return pages


def _check_names(folder: Path, found: Findings) -> None:
    for path in sorted(folder.iterdir()):
        if path.name not in {*FILES, MANIFEST}:
            found.add(path.name, None, "this file is no part of the proof; who put it there?")


def _bytes_of(folder: Path, name: str, found: Findings) -> bytes | None:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        found.add(name, None, "this file is missing")
    except OSError as error:
        found.add(name, None, f"cannot be read ({error.strerror})")
    return None


# ---- the manifest


def _read_manifest(folder: Path, found: Findings) -> tuple[dict[str, Any], str] | None:
    data = _bytes_of(folder, MANIFEST, found)
    if data is None:
        return None
    head = data[: max(data.rfind(f'  "{SEAL}"'.encode()), 0)]
    if head + seal_of(head) != data:
        found.add(MANIFEST, None, f"its last line, {SEAL}, is not the hash of the lines above; it has been changed")
    told = _parsed(data)
    key = "content" if told is None or not _is_writable(told) else misfit(told, MANIFEST_SHAPE)
    if told is not None and key is None:
        key = misfit(told["header"], HEADER) or misfit(told["totals"], TOTALS)
    if told is None or key is not None:
        found.add(MANIFEST, None, f"it has no usable {key}, so nothing can be recomputed")
        return None
    if told["header"]["schema_version"] != SCHEMA_VERSION:
        version = told["header"]["schema_version"]
        found.add(MANIFEST, None, f"it is of schema {version}; this evsim verifies schema {SCHEMA_VERSION}")
        return None
    return told, digest(data)


# ---- lines


def _read_lines(
    name: str,
    data: bytes,
    listed: Mapping[str, Any],
    genesis: str,
    pages: Pages,
    found: Findings,
) -> None:
    """Check a file against the manifest and each line against the one before it; keep the rows."""
    if not data.endswith(b"\n") and data:
        found.add(name, None, "does not end with the end of a line")
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    before, previous = len(found), genesis
    is_usable = True
    for number, line in enumerate(lines, 1):
        row = _parsed(line)
        fault = _fault(row, name)
        if row is None or fault is not None:
            found.add(name, number, fault or "")
            is_usable = False
        elif row.get(LINK) != previous:
            behind = "the manifest's header" if number == 1 else f"line {number - 1:,}"
            found.add(name, number, f"does not carry the hash of {behind}: one was changed, removed or moved")
        previous = digest(line)
    if previous != listed["sha256_of_last_line"]:
        found.add(
            name, len(lines) or None, "is not the last line that the manifest knows: it was changed or is another"
        )
    found.compare(name, None, "the number of its lines", len(lines), listed["lines"])
    found.compare(name, None, "its size in bytes", len(data), listed["bytes"])
    whole = sha256(data).hexdigest()
    if whole != listed["sha256"] and len(found) == before:
        found.differs(name, None, "its SHA-256", whole, listed["sha256"])
    pages.lines[name] = lines
    if not is_usable:
        pages.unusable.append(name)


def _fault(row: dict[str, Any] | None, name: str) -> str | None:
    """Why a line cannot be used."""
    if row is None:
        return "is not a line of JSON"
    kind = row.get("row", "")
    shapes: dict[str, dict[str, Fits]] = LINES[name]
    if not isinstance(kind, str) or kind not in shapes:
        return f"is of no known kind; there are {', '.join(filter(None, shapes)) or 'none'}"
    key = misfit(row, shapes[kind])
    return None if key is None else f"has no usable {key}"


def _parsed(data: bytes) -> dict[str, Any] | None:
    """An object of JSON; None when it is none."""
    try:
        told = _DECODER.decode(data.decode())
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _is_writable(told: dict[str, Any]) -> bool:
    """Whether it can be written again: JSON may tell of numbers and letters that there are not."""
    try:
        compact(told).encode()
    except (ValueError, RecursionError):
        return False
    return True
