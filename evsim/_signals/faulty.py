"""What goes wrong with a source of values, and instants as a message names them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from evsim._errors import name_some
from evsim._typed_in.faults import Fault
from evsim._typed_in.json_source import Path

MOST_NAMED = 3


class FaultySourceError(Exception):
    """A source cannot be used; `faults` say why, their paths within the source."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(*(fault.text for fault in faults))
        self.faults = faults

    @classmethod
    def at(cls, path: Path, text: str) -> FaultySourceError:
        """One fault."""
        return cls([Fault(path, text)])


def utc_text(at_s: float) -> str:
    """`2023-10-29T01:00Z`, of seconds since 1970; with its seconds when it has any."""
    text = str(np.datetime64(int(at_s), "s"))
    return f"{text.removesuffix(':00')}Z"


def name_instants(at_s: Iterable[float]) -> str:
    """The first instants, and how many more there are."""
    return name_some([utc_text(at) for at in at_s], MOST_NAMED)
