"""Numbers as files have them, a whole column at once; a decimal comma is understood."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan

import numpy as np

from evsim._units import Bools, Floats

_BLANKS = frozenset({"", "null", "none", "nan", "nat", "na", "n/a", "#n/a", "-"})
_PLAIN = frozenset("0123456789.,+-eE")
_LONGEST = 40
_IS_PLAIN = np.array([code == 0 or chr(code) in _PLAIN for code in range(128)])
"""By character; numpy would also read 1_000 and other alphabets' digits."""


def is_blank(text: str) -> bool:
    """Whether a cell says that there is nothing: empty, or as programs write it."""
    return text.casefold() in _BLANKS


def read_numbers(cells: Sequence[str]) -> tuple[Floats, Bools]:
    """(n,) values, NaN where there is none; and which cells are neither a number nor empty."""
    texts = np.array(cells, f"U{_LONGEST}")
    codes = texts.view(np.uint32)
    if codes.max(initial=0) < len(_IS_PLAIN) and _IS_PLAIN[codes].all():
        try:
            values = texts.astype(np.float64)
            if np.isfinite(values).all():
                return values, np.zeros(len(cells), bool)
        except ValueError:
            pass
    read = [_one(cell) for cell in cells]
    values = np.array([nan if value is None else value for value in read], np.float64)
    return values, np.array([value is None for value in read], bool)


def _one(text: str) -> float | None:
    """The number, NaN for nothing, None for what is neither; at most one decimal sign, no thousands."""
    if is_blank(text):
        return nan
    text = text.removesuffix("%").rstrip()
    if len(text) > _LONGEST or not _PLAIN.issuperset(text):
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if isfinite(value) else None
