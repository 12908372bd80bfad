"""Reads the files that people name, and says what is wrong with one in a sentence."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from evsim._typed_in.faults import nearest, printable, quoted

NO_SUCH_FILE = "no such file"
_BYTES_PER_MB = 1_000_000
MOST_BYTES = 5 * _BYTES_PER_MB
_MOST_NAMED = 3
_OUR_OUTPUTS = ("summary.json", "timeseries.csv", "sessions.csv")
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class CannotReadError(Exception):
    """A file cannot be read; the text says why and what would do."""


def read_bytes(path: str | os.PathLike[str], most_bytes: int = MOST_BYTES) -> bytes:
    """The bytes of a plain file of a sensible size."""
    try:
        mode = os.stat(path)  # noqa: PTH116 - a Path would stumble over a NUL
        if stat.S_ISDIR(mode.st_mode):
            raise CannotReadError(f"a folder, not a file{_files_in(Path(path))}")
        if not stat.S_ISREG(mode.st_mode):
            raise CannotReadError("a pipe or a device, not a file; save it as a file")
        if mode.st_size > most_bytes:
            size = mode.st_size / _BYTES_PER_MB
            raise CannotReadError(f"{size:,.0f} MB is too large; at most {most_bytes // _BYTES_PER_MB:,} MB are read")
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            data = file.read(most_bytes + 1)
    except FileNotFoundError:
        raise CannotReadError(_no_such_file(Path(path))) from None
    except PermissionError:
        raise CannotReadError("no permission to read this file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CannotReadError(f"cannot be read: {printable(reason).lower()}") from None
    if len(data) > most_bytes:
        raise CannotReadError(f"too large; at most {most_bytes // _BYTES_PER_MB:,} MB are read")
    return data


def text_of(data: bytes) -> str:
    if data.startswith(_UTF_16_MARKS) or (b"\0" in data[:2] and b"{" in data[:2]):
        raise CannotReadError("this is UTF-16 text; save it as UTF-8")
    if b"\0" in data:
        raise CannotReadError("not a text file; a config is JSON text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CannotReadError(
            f"line {line} holds a byte ({data[error.start]:#04x}) that is not UTF-8; save the file as UTF-8"
        ) from None


def _files_in(folder: Path) -> str:
    """`; it holds config_json.json`: the config files that may be meant."""
    try:
        names = sorted(file.name for file in folder.iterdir() if file.suffix.casefold() == ".json")
    except OSError:
        return ""
    names = [name for name in names if _may_be_typed(name)][:_MOST_NAMED]
    return f"; it holds {' and '.join(quoted(str(folder / name)) for name in names)}" if names else ""


def _may_be_typed(name: str) -> bool:
    """Whether a file may be somebody's config, and not what evsim itself writes."""
    return name not in _OUR_OUTPUTS and not name.endswith("_schema.json")


def _no_such_file(path: Path) -> str:
    try:
        kin = [file.name for file in path.parent.iterdir() if file.suffix.casefold() == path.suffix.casefold()]
        kin = [name for name in kin if _may_be_typed(name)]
    except OSError:
        return f"{NO_SUCH_FILE}, nor the folder {quoted(str(path.parent))}"
    near = nearest(path.name, kin)
    if near:
        return f"{NO_SUCH_FILE}; did you mean {quoted(str(path.parent / near))}?"
    others = (
        f"; there is {' and '.join(quoted(name) for name in sorted(kin)[:_MOST_NAMED])}" if kin and path.suffix else ""
    )
    default = Path(__file__).parent.parent / "config_json.json"
    hint = f"; a copy of {default} is a good start" if path.suffix == ".json" and default.exists() else ""
    return f"{NO_SUCH_FILE}{others}{hint}"
