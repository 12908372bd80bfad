"""Worlds with prices: a scenario whose signals are made by hand."""

from __future__ import annotations

import numpy as np
from worlds import config

from evsim import Scenario
from evsim._series import Series, Signal, Signals


class Priced(Scenario):
    """A scenario with hand-made signals: name -> (edges [s], values), or a function of the clock that gives that."""

    def signals_on(self, clock):
        made = {}
        for name, given in self.__dict__["made_by_hand"].items():
            series = Series(*(np.array(column, np.float64) for column in (given(clock) if callable(given) else given)))
            made[name] = Signal(clock, series, series)
        return Signals(**made)

    @property
    def signal_notes(self):
        return {name: {"label": "made by hand", "unit": "GBP/kWh"} for name in self.__dict__["made_by_hand"]}


def priced(given, signals, strategies=None):
    """A whole config with signals."""
    found = Priced.from_dict(given, strategies=strategies)
    found.__dict__["made_by_hand"] = signals
    return found


def priced_world(*rows, signals, **settings):
    """The worlds of `worlds.config` with signals."""
    return priced(config(*rows, **settings), signals)


def every_half_hour(clock, values):
    """Values that hold for half an hour each, from the run's start, over and over."""
    edges = np.arange(0.0, clock.end_s + 1, 1800.0)
    return edges, np.resize(np.asarray(values, np.float64), len(edges) - 1)


def waves(clock, low=0.05, high=0.35, at_h=18, seed=3):
    """A price by the local clock, dear at `at_h`, with some luck [GBP/kWh]."""
    edges = np.arange(0.0, clock.end_s + 1, 1800.0)
    second = clock.local(edges[:-1])[1]
    shape = (1 + np.cos((second / 3600 - at_h) / 12 * np.pi)) / 2
    luck = np.random.default_rng(seed).normal(0, 0.03, len(shape))
    return edges, low + (high - low) * shape + luck
