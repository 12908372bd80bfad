"""How charged the cars come home: the distribution of SoC at plug-in, by archetype."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from evsim._plug_counts import SOC_LEVELS
from evsim._results import Results
from evsim._units import Floats, Ints
from evsim.plots import _frame as frame
from evsim.plots import _marks as marks
from evsim.plots import _multiples as multiples
from evsim.plots import _words as words
from evsim.plots._multiples import PERCENT
from evsim.plots._palette import GRID, SOFT
from evsim.plots._panel import SMALL_PT, Panel, rescaled

BIN_PERCENT = 5
LOW_PERCENT = 20
_WORDS_IN, _LEAST_HEIGHT_IN = 0.3, 0.8
"""Room above the tallest bar for words, and how high a panel must be to have them [in]."""
_ROWS_OF_LABELS = 1
_HEADROOM = 1.05
_APART, _FAR_APART, _LEAST_WIDTH_IN = 20, 50, 2.5
"""Labels of the axis so many points apart want a panel so wide [in]."""
_DASHES = (0, (4, 2))
_KEY_LINE = f"Bars: to the nearest {BIN_PERCENT}%.  Black line: median."
_KEY_OF_SHEET = "  Dashed line: plug-in % of the archetype sheet."


def soc_at_plug_in(results: Results, ax: Axes | None = None) -> Axes:
    """Distribution of the state of charge at plug-in [% of the battery], by archetype, to the nearest 5 points.

    Bars are shares of an archetype's plug-ins [%], on shared scales, in config order. Cars that are plugged in as the
    run starts are not counted. Archetypes without users are left out, and small print in a small `ax`. Without `ax`,
    in a new figure. Returns the Axes.
    """
    who = words.with_users(results)
    if ax is None:
        ax = multiples.new_axes(multiples.grid(len(who))[0])
    frame.bare(ax)
    has_sheet = any(_on_sheet(results, i) is not None for i in who)
    under = words.circumstances(results), _KEY_LINE + (_KEY_OF_SHEET if has_sheet else "")
    frame.heading(ax, _title(results), under, multiples.head_above_in(len(who)))
    counts = results.plug_counts.plug_in_soc
    heads = multiples.heads_of(results, who, [_fact(results, i) for i in who])
    shares = _shares(counts)
    _draw(ax, results, heads, shares)
    return ax


def _title(results: Results) -> Sequence[str]:
    cars = words.counted(results.scenario.population_size, "car")
    return f"State of charge at plug-in of {cars}", words.charging_rule(results)


def _edges() -> Floats:
    """Where bars begin and end [%]: halfway between multiples of 5, so that a full battery, or a target, is in one."""
    inner = np.arange(BIN_PERCENT / 2, PERCENT, BIN_PERCENT)
    return np.concatenate([[0], inner, [PERCENT]])


def _shares(counts: Ints) -> Floats:
    """(n_archetypes, 21) of each archetype's plug-ins, by SoC to the nearest 5 points [%]."""
    levels = np.arange(SOC_LEVELS + 1) * PERCENT / SOC_LEVELS
    bins = np.searchsorted(_edges()[1:-1], levels, side="right")
    binned = np.stack([np.bincount(bins, weights=own) for own in counts])
    return np.asarray(PERCENT * binned / np.maximum(binned.sum(axis=1, keepdims=True), 1))


def _draw(ax: Axes, results: Results, heads: Sequence[multiples.Head], shares: Floats) -> None:
    top = _HEADROOM * float(shares[[head.archetype for head in heads]].max()) or 1.0
    spots = multiples.spots(ax, heads, [(1.0, PERCENT)], top)
    size = spots[0].panels[0].size
    said = [_low_ones(results.plug_counts.plug_in_soc[head.archetype]) for head in heads]
    has_words = size.height >= _LEAST_HEIGHT_IN and all(words.width_in(text, SMALL_PT) <= size.width for text in said)
    words_in = _WORDS_IN if has_words else 0.0
    levels = frame.levels_in(top, size.height - words_in)
    labels = [f"{level:,.10g}%" for level in levels]
    for spot, text in zip(spots, said, strict=True):
        panel = rescaled(spot.panels[0], top / (1 - words_in / size.height))
        frame.levels(panel, levels, labels if spot.is_left else ())
        _draw_socs(panel, top, is_labelled=spot.is_bottom)
        _draw_bars(panel, results, spot.archetype, shares[spot.archetype], top)
        if has_words:
            panel.write(0, 1, text, fontsize=SMALL_PT, color=SOFT, va="top")
    frame.name_axes(ax, "% of plug-ins", "% charged at plug-in", max(labels, key=len), _ROWS_OF_LABELS)


def _draw_socs(panel: Panel, top: float, *, is_labelled: bool) -> None:
    """The axis of SoC, up to the height of the tallest bar."""
    ticks = range(0, PERCENT + 1, _APART if panel.size.width >= _LEAST_WIDTH_IN else _FAR_APART)
    marks.rules(panel, [[(soc, 0.0), (soc, top)] for soc in ticks], GRID, panel.data)
    if is_labelled:
        for soc in ticks:
            frame.below(panel, soc, f"{soc}%")


def _draw_bars(panel: Panel, results: Results, archetype: int, shares: Floats, top: float) -> None:
    """Bars, the median, and the sheet's value."""
    spread = results.portrait[archetype].plug_in_soc
    if spread is None or not results.plug_counts.plug_in_soc[archetype].any():
        panel.write(0.5, 0.5, "nobody plugs in", ha="center", va="center")
        return
    marks.bars(panel, _edges(), shares, archetype)
    sheet = _on_sheet(results, archetype)
    if sheet is not None:
        marks.upright(panel, sheet, top, linestyles=_DASHES, linewidths=1.2)
    marks.upright(panel, PERCENT * spread.median, top)


def _low_ones(counts: Ints) -> str:
    """How many come home nearly empty: `5% of 2,797 plug-ins under 20%`; nothing of none."""
    n, low = int(counts.sum()), int(counts[: LOW_PERCENT * SOC_LEVELS // PERCENT].sum())
    if not n:
        return ""
    share = f"{PERCENT * low / n:.0f}%" if low >= n / (2 * PERCENT) else "<1%" if low else "none"
    return f"{share} of {words.counted(n, 'plug-in')} under {LOW_PERCENT}%"


def _on_sheet(results: Results, archetype: int) -> float | None:
    """`plug_in_soc_percent`, where it was given; recorded sessions have no sheet."""
    row = results.scenario.archetypes[archetype]
    if results.scenario.recorded is not None:
        return None
    return row.plug_in_soc_percent if "plug_in_soc_percent" in row.model_fields_set else None


def _fact(results: Results, archetype: int) -> str:
    """The median, and what the sheet says: `median 70%, sheet 68%`."""
    spread, sheet = results.portrait[archetype].plug_in_soc, _on_sheet(results, archetype)
    facts = [] if spread is None else [f"median {PERCENT * spread.median:.0f}%"]
    return ", ".join(facts if sheet is None else [*facts, f"sheet {sheet:.3g}%"])
