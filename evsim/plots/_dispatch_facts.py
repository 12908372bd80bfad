"""What the picture of a dispatch shows: its windows, what lies between its lines, its times and its title."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from evsim._units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE, Bools, Floats
from evsim.market._dispatch_view import DispatchView, Window
from evsim.market._readings import PERIOD_S
from evsim.plots import _words as words
from evsim.plots._multiples import PERCENT

TURN_UP = "turn_up"
_NO_BREAK = "\N{NO-BREAK SPACE}"
MINUS, _TO = "\N{MINUS SIGN}", "\N{EN DASH}"
_MOST_WORDS, _MOST_NAMED = 3, 2
_ROUND_LENGTHS = {SECONDS_PER_HOUR: "an hour", SECONDS_PER_HOUR // 2: "half an hour"}
_NOT_WHOLE = "Steps are means of whole half-hours, also where a window begins or ends within one."
_DECIMALS = ((100, 0), (10, 1), (0, 2))
"""Of a number that is at least so much."""


class Span(NamedTuple):
    """A time without a break [s since the run's start]."""

    start_s: int
    end_s: int


def spans(view: DispatchView) -> list[Span]:
    """When it served; windows that touch are one."""
    found: list[Span] = []
    for window in sorted(view.windows, key=lambda window: window.start_s):
        if found and window.start_s <= found[-1].end_s:
            found[-1] = Span(found[-1].start_s, max(found[-1].end_s, window.end_s))
        else:
            found.append(Span(window.start_s, window.end_s))
    return found


def overlap_s(view: DispatchView, start_s: float, end_s: float) -> Floats:
    """(n,) how much of each half-hour lies in a window [s]."""
    begins = view.starts_s.astype(np.float64)
    shared: Floats = np.minimum(begins + PERIOD_S, end_s) - np.maximum(begins, start_s)
    return shared.clip(0.0)


def target_kw(view: DispatchView) -> Floats:
    """(n,) what was asked for, as a half-hourly mean [kW]; NaN where no window is, or none with a target."""
    asked = np.zeros(len(view.starts_s))
    has_target = np.zeros(len(asked), bool)
    for window in view.windows:
        if window.target_kw is not None:
            share = overlap_s(view, window.start_s, window.end_s) / PERIOD_S
            asked += share * (window.target_kw if window.action == TURN_UP else -window.target_kw)
            has_target |= share > 0
    return np.where(has_target, view.twin_kw + asked, np.nan)


def areas(view: DispatchView) -> dict[str, Bools]:
    """In which half-hours (n,) the difference to the counterfactual is what; each is one thing.

    A half-hour that a window touches is delivered, or undone where the difference goes the other way. After the last
    window it is rebound for as long as that is counted, between notice and start prepared. The rest is others' work.
    """
    served, up = np.zeros(len(view.starts_s), bool), np.zeros(len(view.starts_s), bool)
    for window in view.windows:
        touched = overlap_s(view, window.start_s, window.end_s) > 0
        served |= touched
        up[touched] = window.action == TURN_UP
    more = view.metered_kw > view.twin_kw
    end_s = max(window.end_s for window in view.windows)
    is_after = ~served & (view.starts_s >= end_s)
    is_counted = view.starts_s < end_s + view.truth.hours_after * SECONDS_PER_HOUR
    return {
        "delivered": served & (more == up),
        "undone": served & (more != up),
        "rebound": is_after & is_counted,
        "prepared": ~served & ~is_after & (view.starts_s + PERIOD_S > view.known_s),
    }


# ---- numbers


def energy(kwh: float) -> str:
    """`500`, `83.3`, `7.25`: an energy [kWh] to about three figures."""
    return number(kwh, next(places for least, places in _DECIMALS if abs(kwh) >= least))


def power(kw: float) -> str:
    """A power as it was typed [kW], with its unit: `500 kW`, `50 MW`."""
    unit = words.unit_for(abs(kw))
    return f"{kw / unit.kw:,.10g} {unit.name}"


def number(value: float, places: int) -> str:
    """A number with so many decimals; nothing at all is `0`."""
    shown = round(value, places) + 0.0
    return f"{shown:,.{places if shown else 0}f}".replace("-", MINUS)


def delivered(view: DispatchView) -> str:
    """`487 of 500 kWh delivered (97%)`, by the counterfactual."""
    truth = view.truth
    if truth.target_kwh is None or truth.delivered_share is None:
        return f"{energy(truth.delivered_kwh)} kWh delivered"
    share = number(PERCENT * truth.delivered_share, 0)
    return f"{energy(truth.delivered_kwh)} of {energy(truth.target_kwh)} kWh delivered ({share}%)"


# ---- times


def lasting(seconds: int) -> str:
    """`1 h 30 min`, `10 min`."""
    hours, rest = divmod(seconds, SECONDS_PER_HOUR)
    minutes, left = divmod(rest, SECONDS_PER_MINUTE)
    parts = [f"{n:,} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (left, "s")) if n]
    return " ".join(parts)


def times(view: DispatchView, span: Span) -> str:
    """`18:00-19:00`, by the local clock; with the names of both times when the clocks change between them."""
    begins, ends = (time(view, at) for at in span)
    zones = [local(view, at).strftime(" %Z") for at in span]
    names = zones if zones[0] != zones[1] else ["", ""]
    return f"{begins}{names[0]}{_TO}{ends}{names[1]}"


def dated(view: DispatchView, span: Span) -> str:
    """The same with its day or days: `Wed 14 Jan 23:30 - Thu 15 Jan 00:30`."""
    first, last = (local(view, at) for at in span)
    if first.date() == last.date():
        return f"{_day(first)} {times(view, span)}"
    return f"{_day(first)} {time(view, span.start_s)} {_TO} {_day(last)} {time(view, span.end_s)}"


def known(view: DispatchView, *, has_day: bool) -> str:
    """When the fleet came to know of it: `notice 16:00`, `notice Mon 12 Jan 16:00`."""
    day = f"{_day(local(view, view.known_s))} " if has_day else ""
    return f"notice {day}{time(view, view.known_s)}"


def local(view: DispatchView, at_s: float) -> dt.datetime:
    """An instant [s since the run's start] by the local clock."""
    clock = view.clock
    return dt.datetime.fromtimestamp(clock.start_epoch_s + at_s, ZoneInfo(clock.timezone))


def _day(at: dt.datetime) -> str:
    return f"{at:%a} {at.day} {at:%b}"


def time(view: DispatchView, at_s: float) -> str:
    """`18:00`, by the local clock."""
    at = local(view, at_s)
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


# ---- above the picture


def title(view: DispatchView) -> Sequence[str]:
    """What was asked for, for how long, and when."""
    served = spans(view)
    seconds = sum(span.end_s - span.start_s for span in served)
    length = _ROUND_LENGTHS.get(seconds, lasting(seconds))
    parts = "" if len(served) == 1 else f" in {len(served)} windows"
    return f"Dispatch {words.clean(view.id)}: {_asked(view.windows)} for {length}{parts}", _when(view, served).replace(
        " ", _NO_BREAK
    )


def _when(view: DispatchView, served: Sequence[Span]) -> str:
    if len(served) > _MOST_NAMED:
        return dated(view, Span(served[0].start_s, served[-1].end_s))
    said = [dated(view, served[0])]
    for before, span in pairwise(served):
        is_same_day = (
            local(view, before.start_s).date() == local(view, span.start_s).date() == local(view, span.end_s).date()
        )
        said.append(times(view, span) if is_same_day else dated(view, span))
    return " and ".join(said)


def _asked(windows: Sequence[Window]) -> str:
    """`discharge 500 kW, then 200 kW`."""
    asked = list(dict.fromkeys((window.action, window.target_kw) for window in windows))
    said = [_phrase(*asked[0])]
    for (before, _), (action, target_kw) in pairwise(asked):
        said.append(_amount(target_kw) if action == before else _phrase(action, target_kw))
    if len(said) > _MOST_WORDS:
        return f"{said[0]}, edited {words.counted(len(windows) - 1, 'time')}"
    return ", then ".join(said)


def _phrase(action: str, target_kw: float | None) -> str:
    return f"{action.replace('_', ' ')} {_amount(target_kw)}"


def _amount(target_kw: float | None) -> str:
    return "as much as can be" if target_kw is None else power(target_kw)


def under(view: DispatchView) -> Sequence[str]:
    """The lines under the title: the run, and who was asked."""
    scenario, word = view.scenario, view.word
    rules = words.rules(scenario.charging, [one.name for one in scenario.archetypes])
    users = words.counted(scenario.population_size, "user")
    run = words.BETWEEN_ITEMS.join((words.period(view.clock), users, rules, f"seed {scenario.simulation.seed}"))
    out = (f"{word.opt_out_percent:,.10g}% have opted out",) if word.opt_out_percent else ()
    count = f"drawn: {words.counted(view.n_meters, 'meter')}"
    others = (f"curves with what {_listed(view.others)} did",) if view.others else ()
    asked = words.BETWEEN_ITEMS.join((f"Asked: {_whom(word.archetypes)}", *out, count, _notice(view), *others))
    is_whole = all(at % PERIOD_S == int(view.starts_s[0]) % PERIOD_S for span in spans(view) for at in span)
    return (run, asked) if is_whole else (run, asked, _NOT_WHOLE)


def _listed(ids: Sequence[str]) -> str:
    return " and ".join(ids) if len(ids) <= _MOST_NAMED else f"{len(ids)} others"


def _whom(archetypes: Sequence[str] | None) -> str:
    if archetypes is None:
        return "everybody"
    names = [words.clean(name) for name in archetypes]
    return " and ".join(names) if len(names) <= _MOST_NAMED else f"{len(names)} archetypes"


def _notice(view: DispatchView) -> str:
    seconds = spans(view)[0].start_s - view.known_s
    return f"{lasting(seconds)} notice" if seconds > 0 else "no notice"
