"""The runs of a folder that are done: a line of JSON each, written when the run ends, so that a kill loses no other."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from evsim._errors import ConfigError, OutputError
from evsim._outputs import _uninterrupted
from evsim.analysis._measures import PHYSICAL, Measured

JOURNAL, LOCK = "sweep.journal.jsonl", "sweep.lock"
_CLOCK_ROUNDING_S = 2.0


class Key(NamedTuple):
    """What a run's numbers depend on: its config, the version, and the text of people's own strategy files."""

    config_hash: str
    evsim_version: str
    strategy_files: str


class Journal:
    """A folder's journal: `done` is what it knows, `note` adds a run for good."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.done: dict[Key, Measured] = {}
        text = path.read_bytes() if path.exists() else b""
        whole = text[: text.rfind(b"\n") + 1]  # the last line may be half written
        for line in whole.splitlines():
            read = _read(line)
            if read is not None:
                self.done[read[0]] = read[1]
        self._file = path.open("ab")
        if len(whole) < len(text):
            self._file.truncate(len(whole))

    def note(self, key: Key, measured: Measured, simulate_s: float) -> None:
        """Add a run; it is on the disk when this returns."""
        known = {name: None if value != value else value for name, value in measured.items()}  # noqa: PLR0124 - NaN
        line = json.dumps({**key._asdict(), "simulate_s": round(simulate_s, 3), "measures": known}, allow_nan=False)
        with _uninterrupted():  # so that what is said to be done is what is on the disk
            self._file.write(f"{line}\n".encode())
            self._file.flush()
            os.fsync(self._file.fileno())
            self.done[key] = measured

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@contextlib.contextmanager
def journal_in(folder: Path) -> Iterator[Journal]:
    """The journal of a folder, which is made if need be, for one sweep at a time.

    Raises ConfigError while another is at work there, OutputError when the disk refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / LOCK), contextlib.closing(Journal(folder / JOURNAL)) as journal:
            yield journal
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"{folder}: {error.strerror or error}; what is done is in {folder / JOURNAL}") from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file that names this process; one whose process has ended, or is not the one that wrote it, is taken."""
    while True:
        try:
            with path.open("x", encoding="ascii") as file:
                file.write(_this_process())
            break
        except FileExistsError:
            holder = _holder(path)
            if holder is not None:
                raise ConfigError(
                    f"{path.parent}: another sweep (process {holder}) is at work there; wait for it, or give another "
                    "folder with --out"
                ) from None
            path.unlink(missing_ok=True)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _this_process() -> str:
    from psutil import Process

    return f"{os.getpid()} {Process().create_time()}"


def _holder(path: Path) -> int | None:
    """The process that holds a lock, if it lives: numbers are given again, so its beginning counts too."""
    from psutil import Error, Process

    try:
        number, began = path.read_text(encoding="ascii").split()
        lives = abs(Process(int(number)).create_time() - float(began)) < _CLOCK_ROUNDING_S
    except (OSError, ValueError, Error):
        return None
    return int(number) if lives else None


def _read(line: bytes) -> tuple[Key, Measured] | None:
    """A run that is done; None of a line that is not whole, or tells less than is asked now."""
    try:
        told: Any = json.loads(line)
        key = Key(*(str(told[name]) for name in Key._fields))
        measured = {str(name): math.nan if value is None else value for name, value in told["measures"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return (key, measured) if all(measure.name in measured for measure in PHYSICAL) else None
