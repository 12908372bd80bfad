"""Who comes first when a dispatch wants less than the fleet can do, and who has opted out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias
from zlib import crc32

import numpy as np

from evsim._chance import Purpose
from evsim._dispatch.seen import Call
from evsim._dispatch.settings import Dispatch
from evsim._dispatch.sharing import DESK, Offer
from evsim._units import Bools, Floats, Ints, Who
from evsim.strategies._fleet import granted_in_turn, tallied
from evsim.strategies._parts import Said, Talk

Luck: TypeAlias = Callable[[Purpose, int], Floats]
"""(n_users,) uniforms of a purpose and a dispatch."""

_FAIR_KWH, _MOST_FAIR, _DRAWS = 0.5, 1023, 64
"""Cars that have delivered less so far come first, in bands of so many kWh; within a band they are drawn by lot."""


class Turns:
    """Keeps what cars have delivered so far.

    n_users : how many there are; luck : drawn for each dispatch
    """

    def __init__(self, n_users: int, luck: Luck) -> None:
        self._luck, self._delivered_kwh = luck, np.zeros(n_users)

    def has_opted_out(self, word: Dispatch, who: Who) -> Bools:
        """(m,) who does not want to serve."""
        if not word.opt_out_percent:
            return np.zeros(len(who), np.bool_)
        return np.asarray(self._luck(Purpose.OPT_OUT, _address(word))[who] < word.opt_out_percent / 100)

    def note(self, who: Who, kwh: Floats) -> None:
        """Cars have delivered something (m,) [kWh]."""
        self._delivered_kwh[who] += kwh

    def granted_kw(
        self, call: Call, who: Who, is_mine: Bools, wanted_kw: Floats, bound_kw: tuple[float, float] = (0.0, 0.0)
    ) -> Talk[Floats]:
        """(m,) what each is to deliver, so that all parts of the fleet together deliver the target [kW].

        is_mine : (m,) who is held for this dispatch already; wanted_kw : (m,) the most each can
        bound_kw : what those without a choice deliver here, coarse and rest [kW]
        """
        target_kw = call.word.target_kw
        if target_kw is None:
            return wanted_kw
        when = self._turn(call.word, who, is_mine)
        verdict = yield Said(DESK, Offer(target_kw, bound_kw, tallied(when, wanted_kw)))
        return granted_in_turn(verdict, when, wanted_kw, who, 0.0)

    def _turn(self, word: Dispatch, who: Who, is_mine: Bools) -> Ints:
        """(m,) who comes first: those who serve already, then who has delivered less so far, then by lot."""
        lot = self._luck(Purpose.TURN, _address(word))[who]
        band = np.minimum(self._delivered_kwh[who] / _FAIR_KWH, _MOST_FAIR).astype(np.int64)
        turn = 1 + band * _DRAWS + (lot * _DRAWS).astype(np.int64)
        turn[is_mine] = 0
        return turn


def _address(word: Dispatch) -> int:
    """Where the luck of a dispatch is found."""
    return crc32(word.id.encode())
