"""What a truth lab asks of the fleet on an event day: the config's first dispatch, or what options say instead."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple, get_args
from zoneinfo import ZoneInfo

from evsim._dispatch.settings import Action, Dispatch, utc_s
from evsim._errors import ConfigError
from evsim._scenario import Scenario
from evsim._typed_in.faults import did_you_mean, show
from evsim.market._readings import PERIOD_MINUTES

MINUTES_PER_DAY = 24 * 60
USUAL_WINDOW = 17 * 60, 19 * 60
"""The evening peak [minutes after midnight]: our choice."""


class Ask(NamedTuple):
    """What is asked for on each event day.

    begin, end : minutes after local midnight, whole half-hours; target_kw : None, as much as can be
    archetypes : whose cars, None for all; source : where it comes from, in words
    """

    action: Action
    begin: int
    end: int
    target_kw: float | None
    notice_minutes: float
    archetypes: tuple[str, ...] | None
    source: str

    @property
    def sign(self) -> float:
        """What a baseline that is too high does to what is credited: 1 adds, -1 (turn_up) takes away."""
        return -1.0 if self.action == "turn_up" else 1.0

    @property
    def window(self) -> tuple[int, ...]:
        """Settlement periods on a day of 48."""
        return tuple(range(self.begin // PERIOD_MINUTES + 1, self.end // PERIOD_MINUTES + 1))

    @property
    def clock(self) -> str:
        """`17:00-19:00`."""
        return f"{_shown(self.begin)}-{_shown(self.end)}"


def ask_of(scenario: Scenario, window: str | None, action: str | None) -> Ask:
    """What is asked for; window and action as they are typed, or None. Raises ConfigError."""
    first = scenario.dispatches[0] if scenario.dispatches else None
    if action is not None and action.strip().casefold().replace("-", "_") not in get_args(Action):
        raise ConfigError(f"--action {show(action)}: no such action{did_you_mean(action, get_args(Action))}")
    given = None if action is None else action.strip().casefold().replace("-", "_")
    if window is not None:
        begin, end = _typed_window(window)
    else:
        begin, end = USUAL_WINDOW if first is None else _window_of(first, scenario.simulation.timezone)
    if first is None:
        source = "no dispatch in the config, so without a target"
        made = Ask("turn_down", begin, end, None, 120, None, source)
    else:
        source = f'as dispatch "{first.id}"'
        made = Ask(first.action, begin, end, first.target_kw, first.notice_minutes, first.archetypes, source)
    ask = made if given is None else made._replace(action=given)  # type: ignore[arg-type] # one of them, as seen above
    if ask.action == "turn_up" and scenario.charging.fleet_limit_kw is not None:
        raise ConfigError("action turn_up: it would draw beyond charging.fleet_limit_kw, which holds all the time")
    return ask


def _typed_window(text: str) -> tuple[int, int]:
    remedy = 'write whole half-hours of one day by the local clock, as in "17:00-18:00"'
    try:
        (begin, end) = (_minutes(part) for part in text.split("-"))
    except ValueError:
        raise ConfigError(f"--window {show(text)}: not a window; {remedy}") from None
    return _checked(f"--window {show(text)}", begin, end or MINUTES_PER_DAY, remedy)


def _minutes(text: str) -> int:
    hour, minute = text.strip().split(":")
    found = int(hour) * 60 + int(minute)
    if not 0 <= int(minute) < 60 or not 0 <= found <= MINUTES_PER_DAY:  # noqa: PLR2004 - minutes of an hour
        raise ValueError(text)
    return found


def _window_of(one: Dispatch, timezone: str) -> tuple[int, int]:
    zone = ZoneInfo(timezone)
    start, end = (dt.datetime.fromtimestamp(utc_s(moment, zone), zone) for moment in (one.start, one.end))
    begin, stop = (at.hour * 60 + at.minute + bool(at.second) for at in (start, end))
    stop = stop or MINUTES_PER_DAY
    if (end - dt.timedelta(seconds=1)).date() != start.date():
        stop = begin  # over midnight
    remedy = 'is not whole half-hours of one local day; give the lab a window of its own, as in --window "17:00-18:00"'
    return _checked(f'dispatches[0] "{one.id}"', begin, stop, remedy)


def _checked(where: str, begin: int, end: int, remedy: str) -> tuple[int, int]:
    if begin >= end or begin % PERIOD_MINUTES or end % PERIOD_MINUTES:
        raise ConfigError(f"{where}: {remedy}")
    return begin, end


def _shown(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
