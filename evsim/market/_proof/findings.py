"""What does not agree in a proof, by file and line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

MOST_KEPT = 200
"""Of one file; of the others only their number is kept."""
ALIKE = 1e-9
"""Numbers that are nearer are the same [kWh, GBP]: a millionth of a watt-hour."""
_ALIKE_SHARE = 1e-12
"""The same, as a share of large sums."""
_MOST_SHOWN = 90
_MOST_WHOLE = 2**53
"""A whole number that is larger need not be one of float64, and is only compared with itself."""


class Finding(NamedTuple):
    """One thing that does not agree. line : from 1; None where it is the file as a whole."""

    file: str
    line: int | None
    text: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file} line {self.line:,}"
        return f"{where}: {self.text}"


class Findings:
    """All that does not agree."""

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return sum(self.counts.values())

    def add(self, file: str, line: int | None, text: str) -> None:
        """Note something."""
        self.counts[file] += 1
        if self.counts[file] <= MOST_KEPT:
            self.kept.append(Finding(_plain(file), line, _plain(text)))

    def differs(self, file: str, line: int | None, what: str, there: Any, should: Any) -> None:  # noqa: ANN401
        """Note that something is not what it should be."""
        self.add(file, line, f"{what} is {shown(there)}; it should be {shown(should)}")

    def compare(self, file: str, line: int | None, what: str, there: Any, should: Any) -> None:  # noqa: ANN401
        """Note a value, or the first of a list, that is not what it should be; numbers may differ by rounding."""
        if there == should:
            return
        if isinstance(there, list) and isinstance(should, list) and len(there) == len(should):
            for i, (one, other) in enumerate(zip(there, should, strict=True)):
                if not alike(one, other):
                    self.differs(file, line, f"{what}[{i}]", one, other)
                    return
        elif not alike(there, should):
            self.differs(file, line, what, there, should)


def alike(one: Any, other: Any) -> bool:  # noqa: ANN401
    """Whether two values are the same, numbers but for rounding."""
    if _is_number(one) and _is_number(other):
        return bool(abs(one - other) <= max(ALIKE, _ALIKE_SHARE * abs(other)))
    return type(one) is type(other) and bool(one == other)


def _plain(text: str) -> str:
    """A text that any terminal can show: what lies in a proof may be anything."""
    return text if text.isprintable() else text.encode("ascii", "backslashreplace").decode("ascii")


def _is_number(value: Any) -> bool:  # noqa: ANN401
    return type(value) is float or (type(value) is int and abs(value) < _MOST_WHOLE)


def shown(value: Any) -> str:  # noqa: ANN401
    """A value on one line, in short."""
    if value is None:
        return "empty"
    if isinstance(value, str):
        text = value if value.isprintable() else repr(value)
    elif isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
        text = ", ".join(value) or "none"
    else:
        text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."
