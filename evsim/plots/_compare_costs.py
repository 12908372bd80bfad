"""What variants cost, emit and ask of the network: a bar for each, beside its difference to the first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection

from evsim.analysis import Comparison, Estimate
from evsim.plots import _compare_parts as parts
from evsim.plots import _frame as frame
from evsim.plots import _words as words
from evsim.plots._palette import INK, RULE, SOFT, colour
from evsim.plots._panel import SMALL_PT, TEXT_PT, Panel, Size, Style, line_in, panels

_WIDTH_IN, _ROW_IN, _AROUND_IN, _LEAST_HEIGHT_IN = 11.5, 0.62, 1.75, 4.0
_MARGIN_IN, _HEAD_IN = 0.3, 0.42
_NAMES_SHARE, _BETWEEN_ROWS_IN = 0.2, 0.16
_FIRST_IN = 2.4
"""Room for the first variant's name in the line under the title."""
_BAR, _BETWEEN_IN = 0.56, 0.08
_MOST_PANELS = 4
_COST, _DAGGER = "gbp_per_user_year", "†"


class _Shown(NamedTuple):
    """A measure, what stands above its bars, and how a value is written."""

    measure: str
    name: str
    unit: str
    decimals: int
    sign: str = ""


_MEASURES = (
    _Shown(_COST, "Cost", "£ a user and year", 0, "£"),
    _Shown("g_per_kwh", "Emissions", "gCO2 a kWh", 0),
    _Shown("peak_kw", "Peak", "kW", 0),
    _Shown("short_kwh", "Left without", "kWh missing at departures", 0),
    _Shown("import_16_to_19_percent", "Drawn 16:00-19:00", "% of the energy", 0, "%"),
    _Shown("import_kwh", "Drawn", "kWh", 0),
)


def compare_costs(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Cost [GBP a user and year], emissions [gCO2 a kWh], peak [kW] and what is missing at departures [kWh] as bars.

    Under each value stands its difference to the first variant's. With several seeds they are means, lines on the bars
    and the numbers behind ± the 95% confidence. Of what is not known, as a cost without prices, there is no panel; then
    others stand in. Without `ax`, in a new figure. Returns the Axes.
    """
    if ax is None:
        ax = _new_axes(comparison)
    frame.bare(ax)
    shown = [m for m in _MEASURES if any(math.isfinite(e.mean) for e in comparison.means(m.measure))][:_MOST_PANELS]
    frame.heading(ax, (_title(comparison, shown),), _under(comparison), _HEAD_IN)
    n = len(comparison.names)
    names_share = _NAMES_SHARE * len(shown) / (1 - _NAMES_SHARE)
    names, *places = panels(ax, 1, [(names_share, 1.0), *[(1.0, 1.0)] * len(shown)], float(n))[0]
    _write_names(names, comparison)
    for panel, measure in zip(places, shown, strict=True):
        _draw_bars(panel, comparison, measure)
    return ax


def _new_axes(comparison: Comparison) -> Axes:
    """The Axes of a new figure with room for a row for each variant; below and beside it are no scales."""
    highest = max(label.height_in for label in _labels(comparison, _NAMES_SHARE * (_WIDTH_IN - 2 * _MARGIN_IN)))
    rows_in = max(_ROW_IN, highest + _BETWEEN_ROWS_IN) * len(comparison.names)
    size = Size(_WIDTH_IN, max(_LEAST_HEIGHT_IN, _AROUND_IN + rows_in))
    ax = frame.new_axes(size)
    x, y = _MARGIN_IN / size.width, _MARGIN_IN / size.height
    ax.set_position((x, y, 1 - 2 * x, ax.get_position().y1 - y))
    return ax


def _title(comparison: Comparison, shown: Sequence[_Shown]) -> str:
    """What is known of the variants."""
    known = {measure.measure for measure in shown}
    verbs = [verb for verb, measure in (("costs", "gbp_per_user_year"), ("emits", "g_per_kwh")) if measure in known]
    *first, last = (*verbs, "asks of the network")
    what = "way of charging" if comparison.is_about_charging else "config"
    return f"What each {what} {', '.join(first)}{' and ' if first else ''}{last}"


def _under(comparison: Comparison) -> Sequence[str]:
    first = words.shortened(parts.in_line(comparison.names[0]), _FIRST_IN, TEXT_PT)
    lines = [parts.circumstances(comparison), f"Grey: difference to {first}."]
    if comparison.seeds[1:]:
        lines[1] = f"Bars: means over {len(comparison.seeds)} seeds.  Lines, and ±: 95% confidence.  {lines[1]}"
    if any(comparison.is_less_at_home(i) for i in range(len(comparison.names))):
        lines.append(f"{_DAGGER} cheaper also because less is charged at home")
    return lines


def _write_names(panel: Panel, comparison: Comparison) -> None:
    """Each in the middle of its row; where rows are low, without its settings."""
    size, n = panel.size, len(comparison.names)
    most = int(max(0.0, size.height / n - line_in(TEXT_PT)) / line_in(SMALL_PT))
    for i, (rule, settings) in enumerate(_labels(comparison, size.width)):
        label = parts.Label(rule, settings[:most])
        top = 1 - (i + 0.5) / n + label.height_in / 2 / size.height
        parts.write_label(panel.write, (0, top), label, size.height)


def _labels(comparison: Comparison, width_in: float) -> list[parts.Label]:
    """Names in a little less than the width beside the bars."""
    return parts.labels(comparison.names, width_in - _BETWEEN_IN)


def _draw_bars(panel: Panel, comparison: Comparison, shown: _Shown) -> None:
    """Bars from zero, with their values, under the name of the measure."""
    means, less = comparison.means(shown.measure), comparison.differences(shown.measure)
    values = np.array([e.mean for e in means])
    marks = [_DAGGER * (shown.measure == _COST and comparison.is_less_at_home(i)) for i in range(len(means))]
    texts = [_value(e.mean, shown) + mark for e, mark in zip(means, marks, strict=True)]
    under = [_difference(e, shown) if i else "" for i, e in enumerate(less)]
    reach = values + np.nan_to_num([e.half_width for e in means])
    low, high = min(0.0, float(np.nanmin(values))), max(0.0, float(np.nanmax(reach)))
    per_unit = _bar_room_in(panel, texts, under) / ((high - low) or 1.0) / panel.size.width
    n = len(values)
    _write_head(panel, shown)
    panel.ax.add_artist(
        LineCollection([[(-low * per_unit, 0), (-low * per_unit, 1)]], colors=RULE, transform=panel.shares)
    )
    for i, value in enumerate(values):
        middle = 1 - (i + 0.5) / n
        x = 0.0
        if math.isfinite(value):
            _draw_bar(panel, (-low * per_unit, (value - low) * per_unit), middle, i)
            x = max((max(value, 0.0) - low) * per_unit, _whisker(panel, means[i], low, per_unit, middle))
        _write_value(panel, x + _BETWEEN_IN / panel.size.width, middle, texts[i], under[i])


def _write_head(panel: Panel, shown: _Shown) -> None:
    """What is measured, and its unit under it."""
    y = 1 + _BETWEEN_IN / panel.size.height
    name = words.shortened(shown.name, panel.size.width, TEXT_PT * words.BOLD)
    panel.write(0, y, shown.unit, va="baseline", fontsize=SMALL_PT, color=SOFT)
    panel.write(0, y + line_in(SMALL_PT) / panel.size.height, name, va="baseline", fontweight="bold")


def _bar_room_in(panel: Panel, texts: Sequence[str], under: Sequence[str]) -> float:
    """The width of the longest bar: what the words leave [in]."""
    wide = [words.width_in(text, TEXT_PT, is_bold=True) for text in texts]
    wide += [words.width_in(text, SMALL_PT) for text in under]
    return max(panel.size.width - max(wide) - _BETWEEN_IN, 0.25 * panel.size.width)


def _draw_bar(panel: Panel, ends: tuple[float, float], middle: float, variant: int) -> None:
    half = _BAR / 2 / panel.y_end
    (a, b), (low, high) = ends, (middle - half, middle + half)
    look: Style = {"facecolors": colour(variant), "linewidths": 0, "transform": panel.shares}
    panel.ax.add_artist(PolyCollection([[(a, low), (a, high), (b, high), (b, low)]], **look))


def _whisker(panel: Panel, estimate: Estimate, low: float, per_unit: float, middle: float) -> float:
    """A line over the confidence interval; returns where it ends, 0 without one."""
    if not math.isfinite(estimate.half_width):
        return 0.0
    ends = [(estimate.mean + way * estimate.half_width - low) * per_unit for way in (-1, 1)]
    line, tick = [(ends[0], middle), (ends[1], middle)], _BAR / 5 / panel.y_end
    caps = [[(end, middle - tick), (end, middle + tick)] for end in ends]
    look: Style = {"colors": INK, "linewidths": 1.4, "transform": panel.shares, "zorder": 3}
    panel.ax.add_artist(LineCollection([line, *caps], **look))
    return ends[1]


def _write_value(panel: Panel, x: float, middle: float, text: str, under: str) -> None:
    if not under:
        panel.write(x, middle, text, va="center_baseline", fontweight="bold")
        return
    apart = line_in(SMALL_PT) / 2 / panel.size.height
    panel.write(x, middle + apart, text, va="center_baseline", fontweight="bold")
    panel.write(x, middle - apart, under, va="center_baseline", fontsize=SMALL_PT, color=SOFT)


def _value(value: float, shown: _Shown) -> str:
    return "not known" if not math.isfinite(value) else _signed(f"{value:,.{_decimals(value, shown)}f}", shown)


def _signed(number: str, shown: _Shown) -> str:
    """With its currency before, or its unit behind it."""
    if shown.sign == "£":
        return f"-£{number[1:]}" if number.startswith("-") else f"£{number}"
    return f"{number}{shown.sign}"


def _decimals(value: float, shown: _Shown) -> int:
    """Small values of what has no decimals get one."""
    return shown.decimals if abs(value) >= 9.95 or value == 0 else shown.decimals + 1  # noqa: PLR2004 - rounds to 10.0


def _difference(estimate: Estimate, shown: _Shown) -> str:
    """`-88 ± 4`."""
    if not math.isfinite(estimate.mean):
        return ""
    least = min((abs(value) for value in estimate if math.isfinite(value) and value), default=0.0)
    decimals = _decimals(least, shown)
    mean = f"{round(estimate.mean, decimals) + 0.0:+,.{decimals}f}"
    return f"{mean} ± {estimate.half_width:,.{decimals}f}" if math.isfinite(estimate.half_width) else mean
