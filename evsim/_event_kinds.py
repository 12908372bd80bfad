"""What can happen to a user, and why."""

from __future__ import annotations

import enum


class EventKind(enum.IntEnum):
    """What happened; within an instant, causes come before effects."""

    REPORT = 0
    PLUG_IN = 1
    CHARGE_START = 2
    POWER_CHANGE = 3
    CHARGE_STOP = 4
    PLUG_OUT = 5
    TRIP_START = 6
    TRIP_END = 7
    PUBLIC_CHARGE = 8
    DISCHARGE_START = 9
    DISCHARGE_STOP = 10

    @property
    def label(self) -> str:
        """The name in files: `plug_in`, `charge_start`, ..."""
        return self.name.lower()


KNOWN_REASONS = (
    "by_hand",
    "run_start",
    "step_end",
    "habit",
    "arrived",
    "target_reached",
    "unplugged",
    "window_open",
    "window_closed",
    "ordered",
    "order_ended",
    "no_order",
    "outward",
    "homeward",
    "reserve_reached",
    "cheap_slot",
    "green_slot",
    "best_slot",
    "slot_over",
    "short_stay",
    "latest_start",
    "valley",
    "fleet_limit",
    "rule_pauses",
    "boost",
    "minimum_soc",
    "minimum_reached",
    "v2g_reserve",
    "dispatch",
    "dispatch_over",
    "prepare",
    "refill",
    "dear_slot",
)
"""Reasons with a fixed code; a strategy's own are added behind them as they are first used."""
