"""What a verifier knows of the named methods: written again from docs/baselines.md, not shared with what makes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from evsim.market._proof.shapes import Fits, is_number, is_switch, is_whole, many, or_empty

_NUMBERS: dict[str, dict[str, Fits]] = {
    "bl01": {
        **dict.fromkeys(
            (
                "look_back_days", "n_working", "least_working", "n_non_working", "middle", "adjustment_periods",
                "adjustment_gap_periods",
            ),
            is_whole,
        ),
        "in_day_adjustment": is_switch,
    },
    "mid_8_of_10": dict.fromkeys(("look_back_days", "n_days", "n_dropped"), is_whole),
    "saving_sessions": dict.fromkeys(("look_back_days", "n_weekdays", "n_weekend_days"), is_whole),
    "nominated": {},
    "fixed_profile": {"kwh": many(is_number), "n_assets": or_empty(is_whole)},
    "zero": {},
}  # fmt: skip
_USUAL_PERIODS = 48
_MOST_DAYS_BACK = 3_650


class Choice(NamedTuple):
    """How days are chosen.

    n : the most recent so many; least : fewer are too few; n_dropped : of lowest daily total, and as many of highest
    """

    n: int
    least: int
    n_dropped: int


class Rules:
    """A method with its numbers. Raises ValueError, in words, when it cannot be recomputed."""

    def __init__(self, settings: Mapping[str, Any], n_meters: int) -> None:
        self.name = str(settings["method"])
        if self.name not in _NUMBERS:
            raise ValueError(f"method {self.name} is none of {', '.join(_NUMBERS)}")
        for key, fits in _NUMBERS[self.name].items():
            if key not in settings or not fits(settings[key]):
                raise ValueError(f"method {self.name} has no usable {key}")
        self._settings = settings
        self.has_history = "look_back_days" in settings
        self.look_back_days = int(settings.get("look_back_days", 0))
        if self.look_back_days > _MOST_DAYS_BACK:
            raise ValueError(f"look_back_days is {self.look_back_days:,}; at most {_MOST_DAYS_BACK:,} are possible")
        self.adjusts = bool(settings.get("in_day_adjustment", False))
        if self.adjusts and settings["adjustment_periods"] < 1:
            raise ValueError("adjustment_periods is 0; an in-day adjustment needs one")
        is_session = self.name == "saving_sessions"
        self.clips, self.heeds_holidays, self.skips_clock_changes = is_session, not is_session, not is_session
        self._profile: list[float] = []
        if self.name == "fixed_profile":
            if len(settings["kwh"]) != _USUAL_PERIODS:
                raise ValueError(f"a profile of {len(settings['kwh'])} half-hours; it has {_USUAL_PERIODS}")
            n_assets = n_meters if settings["n_assets"] is None else settings["n_assets"]
            self._profile = [value * (n_assets / n_meters) for value in settings["kwh"]] if n_meters else []

    def choice(self, *, is_working: bool) -> Choice:
        """How days are chosen for a working day (a weekday), or another."""
        given = self._settings
        if self.name == "mid_8_of_10":
            return Choice(given["n_days"], given["n_days"], given["n_dropped"])
        if self.name == "saving_sessions":
            n = given["n_weekdays"] if is_working else given["n_weekend_days"]
            return Choice(n, n, 0)
        if is_working:
            return Choice(given["n_working"], given["least_working"], 0)
        n = given["n_non_working"]
        return Choice(n, n, (n - given["middle"]) // 2)

    def kind(self, *, is_working: bool) -> str:
        """What a day is called."""
        if self.name == "saving_sessions":
            return "weekday" if is_working else "weekend day"
        return "working day" if is_working else "non-working day"

    def before(self, first_period: int) -> list[int]:
        """Settlement periods of the in-day adjustment; none without one, or when they do not fit the day."""
        if not self.adjusts:
            return []
        end = first_period - int(self._settings["adjustment_gap_periods"])
        begin = end - int(self._settings["adjustment_periods"])
        return list(range(begin, end)) if begin >= 1 else []

    def profile(self, minute: int) -> float:
        """A meter's share of the profile in the half-hour that begins so long after midnight by the clock [kWh]."""
        return self._profile[minute // 30]
