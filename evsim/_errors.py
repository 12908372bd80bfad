"""Everything that can go wrong, as one tree.

EvsimError
├── ConfigError      a config file or setting is faulty; the text lists every fault
├── LeverError       a lever was pulled in an impossible state; nothing was changed
├── StrategyError    a charging strategy broke its contract
├── OutputError      the results could not be written
└── InvariantError   a law of the model was broken: a bug of evsim, never of its user
"""

from __future__ import annotations

from collections.abc import Iterable


class EvsimError(Exception):
    """The root: everything evsim raises on purpose."""


class ConfigError(EvsimError, ValueError):
    """A config file or setting is faulty; `str()` lists every fault with its place and remedy."""


class LeverError(EvsimError, RuntimeError):
    """A lever was pulled in a state in which it cannot work; nothing was changed."""


class StrategyError(EvsimError, ValueError):
    """A charging strategy broke its contract, or its file could not be used."""


class OutputError(EvsimError, OSError):
    """The results could not be written; what was on the disk is as it was."""


class InvariantError(EvsimError, AssertionError):
    """A law of the model was broken. This is a bug of evsim: please report it with the config."""


def name_some(items: Iterable[object], most: int = 3) -> str:
    """`1, 2, 3 and 997 more`: at most `most` items are named."""
    listed = list(items)
    named = ", ".join(str(item) for item in listed[:most])
    rest = len(listed) - most
    return f"{named} and {rest:,} more" if rest > 0 else named
