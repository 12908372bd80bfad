"""When people plug in and out: by the half-hour, working days and weekends apart, stacked by archetype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from evsim._plug_counts import MINUTES_PER_DAY, OFF, WORKING
from evsim._results import Results
from evsim._units import SECONDS_PER_DAY, SECONDS_PER_MINUTE, Floats, Ints
from evsim.plots import _calendar as calendar
from evsim.plots import _frame as frame
from evsim.plots import _key as key
from evsim.plots import _marks as marks
from evsim.plots import _words as words
from evsim.plots._palette import INK, SOFT
from evsim.plots._panel import HEAD_IN, TEXT_PT, Panel, Size, Style, mirrored, panels

_WIDTH_IN, _HEIGHT_IN, _AROUND_IN = 11.0, 6.8, 2.0
BIN_MINUTES = 30
_BIN_S = BIN_MINUTES * SECONDS_PER_MINUTE
_PERCENT = 100
_WIDEST = "100% in"
"""What stands between a panel and the name of its levels."""
_QUIET_MINUTES = 6 * 60
_WORDS_IN, _POINTER_IN = 0.42, 0.12
"""Room beyond the busiest half-hour, with words and without [in]."""
_MOST_FOR_WORDS = 0.25
_NAMES_IN, _OFF_LABELS_IN, _BETWEEN_IN, _BASELINE_IN = 0.24, 0.5, 0.3, 0.08
_KEY_LINE = "Up: plug-ins.  Down: plug-outs.  Both in % of all on such days.  Triangles: the busiest half-hours."


class _Flow(NamedTuple):
    """Plug-ins, or plug-outs, on one kind of day.

    shares : (n_archetypes, 48) of all of them, by half-hour from midnight [%]; n : of all; median : minute of the day
    """

    shares: Floats
    n: int
    median: int


class _Kind(NamedTuple):
    name: str
    ins: _Flow
    outs: _Flow


def plug_in_times(results: Results, ax: Axes | None = None) -> Axes:
    """Plug-ins (up) and plug-outs (down) by half-hour of the local day [% of all], stacked by archetype.

    A panel for working days, and one for weekends and bank holidays, where a run has such days. Cars that are
    plugged in as the run starts are not counted. Archetypes without users are left out, and small print in a small
    `ax`. Without `ax`, in a new figure. Returns the Axes.
    """
    who = words.with_users(results)
    entries = [key.Entry(i, results.archetypes[i]) for i in who][::-1]
    if ax is None:
        needed_in = _AROUND_IN + key.height_in(entries, frame.MOST_KEY_IN)
        ax = frame.new_axes(Size(_WIDTH_IN, max(_HEIGHT_IN, needed_in)))
    frame.bare(ax)
    width = frame.key_width_in(ax) if len(who) > 1 else 0.0
    kinds = _kinds(results)
    frame.heading(ax, _title(results), _under(results, who), HEAD_IN if len(kinds) == 1 else 0.0)
    frame.reserve(ax, right_in=width, left_in=_NAMES_IN)
    _draw(ax, results, kinds, who)
    if len(who) > 1:
        key.draw_key(ax, entries, width)
    return ax


def _title(results: Results) -> Sequence[str]:
    users = words.counted(results.scenario.population_size, "user")
    return f"Plug-in and plug-out times of {users}", words.charging_rule(results)


def _under(results: Results, who: Sequence[int]) -> Sequence[str]:
    """The lines under the title; the one archetype that is alone is named there."""
    alone = [words.clean(results.archetypes[who[0]])] if len(who) == 1 else []
    return words.BETWEEN_ITEMS.join((*alone, words.circumstances(results))), _KEY_LINE


def _kinds(results: Results) -> list[_Kind]:
    """The kinds of days that a run has."""
    counts = results.plug_counts
    off = "Weekends" if results.scenario.simulation.holiday_region is None else "Weekends and bank holidays"
    return [
        _Kind(name, _flow(counts.plug_ins[:, kind]), _flow(counts.plug_outs[:, kind]))
        for kind, name in ((WORKING, "Working days"), (OFF, off))
        if counts.days[kind]
    ]


def _flow(by_minute: Ints) -> _Flow:
    n = int(by_minute.sum())
    binned = by_minute.reshape(len(by_minute), -1, BIN_MINUTES).sum(axis=2)
    return _Flow(_PERCENT * binned / max(1, n), n, median_minute(by_minute.sum(axis=0)))


def median_minute(counts: Ints) -> int:
    """The median of times of day (1440,), each day cut where least happens: in the middle of the quietest six hours."""
    around = np.concatenate([[0], np.cumsum(np.tile(counts, 2))])
    quiet = around[_QUIET_MINUTES : _QUIET_MINUTES + MINUTES_PER_DAY] - around[:MINUTES_PER_DAY]
    cut = int(np.argmin(quiet)) + _QUIET_MINUTES // 2
    upto = np.cumsum(np.roll(counts, -cut))
    return (int(np.searchsorted(upto, upto[-1] / 2)) + cut) % MINUTES_PER_DAY


def _draw(ax: Axes, results: Results, kinds: Sequence[_Kind], who: Sequence[int]) -> None:
    """A panel for each kind of day, on shared scales."""
    up, down = (max(float(flow.shares.sum(axis=0).max()) for flow in flows) or 1.0 for flows in _flows(kinds))
    has_words = not frame.is_small(ax)
    places = [row[0] for row in panels(ax, len(kinds), [(1.0, SECONDS_PER_DAY)], 1.0, head_in=HEAD_IN)]
    _write_heads(places, kinds)
    height = places[0].size.height
    words_in = min(_WORDS_IN if has_words else _POINTER_IN, _MOST_FOR_WORDS * height)
    room = (up + down) / (height / words_in - 2)
    levels = frame.levels_in(max(up, down), (height - 2 * words_in) * max(up, down) / (up + down))
    rows = 0
    for i, (place, kind) in enumerate(zip(places, kinds, strict=True)):
        rows = calendar.draw_day(place, 0, is_labelled=i == len(kinds) - 1)
        above, under = mirrored(place, up + room, down + room)
        _name_halves(above, under)
        _draw_half(above, kind.ins, [level for level in levels if level <= up], who)
        _draw_half(under, kind.outs, [level for level in levels[1:] if level <= down], who)
        for half, flow in ((above, kind.ins), (under, kind.outs)):
            _mark_busiest(half, flow, has_words=has_words)
        marks.rules(above, [[(0.0, 0.0), (1.0, 0.0)]], SOFT, above.across, zorder=2)
    frame.name_axes(ax, "% per half-hour", calendar.name_of(results.clock), _WIDEST, rows)


def _flows(kinds: Sequence[_Kind]) -> tuple[list[_Flow], list[_Flow]]:
    return [kind.ins for kind in kinds], [kind.outs for kind in kinds]


def _write_heads(places: Sequence[Panel], kinds: Sequence[_Kind]) -> None:
    """The kinds of day above their panels, and how many plug-ins and plug-outs there were, and their medians."""
    width = places[0].size.width
    texts = next((texts for texts in map(list, zip(*map(_facts, kinds), strict=True)) if _fit(texts, kinds, width)), [])
    for i, (panel, kind) in enumerate(zip(places, kinds, strict=True)):
        y = 1 + _BASELINE_IN / panel.size.height
        name = words.shortened(kind.name, width, TEXT_PT * words.BOLD)
        panel.write(0, y, name, va="baseline", fontweight="bold")
        if texts:
            panel.write(1, y, texts[i], va="baseline", ha="right")


def _fit(texts: Sequence[str], kinds: Sequence[_Kind], width_in: float) -> bool:
    """Whether each text has room beside its name."""
    names = (words.width_in(kind.name, TEXT_PT, is_bold=True) for kind in kinds)
    pairs = zip(texts, names, strict=True)
    return all(words.width_in(text, TEXT_PT) + name + _BETWEEN_IN <= width_in for text, name in pairs)


def _facts(kind: _Kind) -> Sequence[str]:
    """`3,412 plug-ins, median 18:25;  3,380 plug-outs, median 07:40`, and shorter."""
    ins, outs = kind.ins, kind.outs
    return (
        f"{words.counted(ins.n, 'plug-in')}{_median(ins)};  {words.counted(outs.n, 'plug-out')}{_median(outs)}",
        f"{ins.n:,} in{_median(ins)};  {outs.n:,} out{_median(outs)}",
        f"in{_median(ins)};  out{_median(outs)}",
    )


def _median(flow: _Flow) -> str:
    return f", median {words.hour(flow.median * SECONDS_PER_MINUTE)}" if flow.n else ""


def _name_halves(above: Panel, under: Panel) -> None:
    """Plug-ins and plug-outs, beside their levels."""
    room = min(above.size.height, under.size.height)
    names = ("plug-ins", "plug-outs") if words.width_in("plug-outs", TEXT_PT) <= room else ("in", "out")
    style: Style = {"ha": "center", "va": "center", "rotation": 90}
    for half, name in zip((above, under), names, strict=True):
        half.write(-_OFF_LABELS_IN / half.size.width, 0.5, name, **style)


def _draw_half(panel: Panel, flow: _Flow, levels: Sequence[float], who: Sequence[int]) -> None:
    """Plug-ins, or plug-outs: filled steps on top of one another, away from the middle."""
    frame.levels(panel, levels, [f"{level:,.10g}%" for level in levels])
    edges = np.arange(flow.shares.shape[1] + 1) * float(_BIN_S)
    base = np.zeros(flow.shares.shape[1])
    for i, top in zip(who, np.cumsum(flow.shares[who], axis=0), strict=True):
        marks.filled_steps(panel, edges, base, top, i)
        base = top
    if not flow.n:
        panel.write(0.5, 0.5, "none", ha="center", va="center")


def _mark_busiest(panel: Panel, flow: _Flow, *, has_words: bool) -> None:
    """A pointer at the busiest half-hour; beyond it, if wanted, when that is, and its share."""
    shares = flow.shares.sum(axis=0)
    busiest = int(np.argmax(shares))
    begin_s, share = busiest * _BIN_S, float(shares[busiest])
    if not flow.n:
        return
    marks.pointer(panel, begin_s + _BIN_S / 2, share, INK)
    if has_words:
        span = f"{words.hour(begin_s)}\N{EN DASH}{words.hour(begin_s + _BIN_S)}"
        frame.remark(panel, begin_s + _BIN_S / 2, share, (f"{span}: {round(share, 1):g}%",))
