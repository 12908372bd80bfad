"""How wrong baselines are: the error by number of assets, beside the bias by how often dispatches repeat."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from evsim.analysis._truth_errors import Cell
from evsim.analysis._truth_lab import FEW_DAYS, BaselineErrors
from evsim.analysis._truth_plan import REPEATS
from evsim.analysis._truth_remarks import DAYS
from evsim.market._readings import as_date
from evsim.plots import _frame as frame
from evsim.plots import _marks as marks
from evsim.plots import _words as words
from evsim.plots._palette import FAINT, INK, NIGHT, PAPER, SOFT, colour
from evsim.plots._panel import HEAD_IN, SMALL_PT, TEXT_PT, Panel, Size, Style, line_in, panels, rescaled, size_of, write

_WIDTH_IN, _ROW_IN, _AROUND_IN = 11.5, 2.9, 1.85
_NAMES_IN, _BETWEEN_IN, _SPACER = 0.1, 0.07, 0.06
_KEY_INDENT_IN, _KEY_BETWEEN_IN, _OFF_KEY_IN = 0.24, 0.2, 0.17
_ZERO = "zero"
_MARKERS = "osD^vPX"
_DODGE, _OFF_IN = 0.13, 0.09
_MARKER_PT, _WHISKER_PT = 6.5, 1.4
_LEAST_OFF, _LEAST_BIAS = 1.0, 5.0
_LEVELS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
_AS_NOTHING = 100
_HEADROOM, _FOOTROOM = 1.12, 1.35


def baseline_error(errors: BaselineErrors, ax: Axes | None = None) -> Axes:
    """Left: mean absolute error [% of the counterfactual's energy] by number of assets; right: bias [%] by repetition.

    A row for each kind of day; of few days on grey. `zero`, which is off by 100% by definition, is a line at the
    left. A hollow mark has days without history, and no confidence. Without `ax`, in a new figure. Returns the Axes.
    """
    kinds = [kind for kind in DAYS if errors.n_days[kind]]
    if ax is None:
        ax = frame.new_axes(Size(_WIDTH_IN, _AROUND_IN + _ROW_IN * len(kinds)))
    frame.bare(ax)
    drawn = [method for method in errors.methods if method != _ZERO]
    rows = _key_rows(drawn, size_of(ax).width)
    frame.heading(
        ax,
        ("How far baselines are from what would have happened",),
        _under(errors),
        len(rows) * line_in(TEXT_PT) + _OFF_KEY_IN,
    )
    frame.reserve(ax, left_in=_NAMES_IN)
    _draw_key(ax, drawn, rows)
    columns = [(1.0, float(len(errors.sizes))), (_SPACER, 1.0), (1.0, float(len(errors.repeats)))]
    for row, (kind, (left, _, right)) in enumerate(
        zip(kinds, panels(ax, len(kinds), columns, 1.0, HEAD_IN), strict=True)
    ):
        is_last = row == len(kinds) - 1
        if errors.n_days[kind] < FEW_DAYS:
            for panel in (left, right):
                marks.shade(panel, [(0.0, panel.x_end)], NIGHT)
        _draw_sizes(left, errors, drawn, kind, is_labelled=is_last)
        _draw_repeats(right, errors, drawn, kind, is_labelled=is_last)
    return ax


def _under(errors: BaselineErrors) -> list[str]:
    ask = errors.ask
    target = "" if ask.target_kw is None else f", target {words.power(ask.target_kw)}"
    first, last = (as_date(day) for day in (errors.first_day, errors.last_day))
    about = (
        f"{ask.action.replace('_', '-')} {ask.clock}{target}",
        words.counted(errors.n_assets, "asset"),
        f"{first:%a %d %b %Y} \N{EN DASH} {last:%a %d %b %Y}",
        f"seed {errors.seed}",
    )
    hollow = "  Hollow: history runs out." if _is_any_hollow(errors) else ""
    return [
        words.BETWEEN_ITEMS.join(about),
        f"In % of the energy in the window without a dispatch.  Upright lines: 95% confidence.{hollow}",
    ]


def _key_rows(drawn: Sequence[str], room_in: float) -> list[list[int]]:
    """The methods in as many rows of a key as they take."""
    rows: list[list[int]] = [[]]
    left = 0.0
    for i, method in enumerate(drawn):
        wide = _KEY_INDENT_IN + words.width_in(method, TEXT_PT) + _KEY_BETWEEN_IN
        if rows[-1] and left + wide > room_in:
            rows.append([])
            left = 0.0
        rows[-1].append(i)
        left += wide
    return rows


def _draw_key(ax: Axes, drawn: Sequence[str], rows: Sequence[Sequence[int]]) -> None:
    """Marks and names of the methods above an Axes."""
    size = size_of(ax)
    for row, line in enumerate(reversed(rows)):
        left, y = 0.0, 1 + (_OFF_KEY_IN + row * line_in(TEXT_PT)) / size.height
        for i in line:
            look: Style = {"color": colour(i), "marker": _MARKERS[i % len(_MARKERS)], "markersize": _MARKER_PT + 1.5}
            at = [(left + _KEY_INDENT_IN / 2) / size.width], [y]
            ax.add_artist(Line2D(*at, transform=ax.transAxes, linestyle="none", clip_on=False, **look))
            write(ax, (left + _KEY_INDENT_IN) / size.width, y, drawn[i], va="center_baseline")
            left += _KEY_INDENT_IN + words.width_in(drawn[i], TEXT_PT) + _KEY_BETWEEN_IN


def _is_any_hollow(errors: BaselineErrors) -> bool:
    return any(one.without_history_percent > 0 for one in errors.cells)


def _head(panel: Panel, bold: str, plain: str) -> None:
    """What is shown, above a panel; of two parts only the first where there is no room."""
    y = 1 + _BETWEEN_IN / panel.size.height
    panel.write(0, y, bold, va="baseline", fontweight="bold")
    at = words.width_in(f"{bold}  ", TEXT_PT, is_bold=True)
    if at + words.width_in(plain, TEXT_PT) <= panel.size.width:
        panel.write(at / panel.size.width, y, plain, va="baseline", color=SOFT)


def _draw_sizes(panel: Panel, errors: BaselineErrors, drawn: Sequence[str], kind: str, *, is_labelled: bool) -> None:
    """Mean absolute error against the number of assets, on a scale of ratios: lines fall as errors cancel out."""
    n = errors.n_days[kind]
    rough = ": few, so rough" if n < FEW_DAYS else ""
    _head(panel, f"{DAYS[kind].capitalize()}: how far off", f"({words.counted(n, 'day')}{rough})")
    lines = [[errors.cell(method, errors.repeats[0], kind, size) for size in errors.sizes] for method in drawn]
    off = [c.mae_percent for line in lines for c in line if c is not None and math.isfinite(c.mae_percent)]
    low = max(_LEAST_OFF, min((value for value in off if value > 0), default=_LEAST_OFF)) / _FOOTROOM
    high = max([*off, _AS_NOTHING]) * _HEADROOM**2
    panel = rescaled(panel, math.log(high / low))
    ticks = [level for level in _LEVELS if low <= level <= high]
    frame.levels(panel, [math.log(level / low) for level in ticks], [f"{level:g}%" for level in ticks])
    nothing = math.log(_AS_NOTHING / low)
    marks.rules(
        panel, [[(0.0, nothing), (panel.x_end, nothing)]], FAINT, panel.data, linestyles="dashed", linewidths=1.4
    )
    style: Style = {"transform": panel.data, "ha": "right", "va": "bottom", "fontsize": SMALL_PT, "color": SOFT}
    panel.write(panel.x_end, nothing, "as far off as zero ", **style)
    for i, line in enumerate(lines):
        there = [(j + 0.5, c.mae_percent) for j, c in enumerate(line) if c is not None and c.mae_percent > 0]
        points = [(x, math.log(max(value, low) / low)) for x, value in there]
        _draw_line(panel, points, i)
    _write_least(panel, lines, low)
    if drawn and not off:
        text = "on balance nothing is drawn\nwithout a dispatch"
        panel.write(0.5, 0.5, text, ha="center", va="center", color=SOFT)
    if is_labelled:
        for j, size in enumerate(errors.sizes):
            frame.below(panel, j + 0.5, f"{words.counted(size, 'asset')}")


def _draw_line(panel: Panel, points: Sequence[tuple[float, float]], i: int) -> None:
    look: Style = {"color": colour(i), "marker": _MARKERS[i % len(_MARKERS)], "markersize": _MARKER_PT}
    edge: Style = {"markeredgecolor": PAPER, "markeredgewidth": 0.8, "linewidth": 1.6, "clip_on": False}
    xs, ys = [x for x, _ in points], [y for _, y in points]
    panel.ax.add_artist(Line2D(xs, ys, transform=panel.data, zorder=2.5, **look, **edge))


def _write_least(panel: Panel, lines: Sequence[Sequence[Cell | None]], low: float) -> None:
    """The least error of each number of assets, left of its mark: there, no falling line is."""
    for j, column in enumerate(zip(*lines, strict=True)):
        found = [c.mae_percent for c in column if c is not None and c.mae_percent > 0]
        if found:
            value = min(found)
            y = math.log(max(value, low) / low) / panel.y_end
            text = f"{value:.1f}%" if value < 9.95 else f"{value:.0f}%"  # noqa: PLR2004 - rounds to 10.0
            x = (j + 0.5) / panel.x_end - _OFF_IN / panel.size.width
            va = "top" if j else "bottom"
            panel.write(x, y, text, ha="right", va=va, fontweight="bold", zorder=4)


def _draw_repeats(panel: Panel, errors: BaselineErrors, drawn: Sequence[str], kind: str, *, is_labelled: bool) -> None:
    """Bias of all assets together, against how often dispatches repeat."""
    n = errors.n_assets
    _head(panel, f"Bias of {words.counted(n, 'asset')}", "(above 0: the baseline is too high)")
    columns = [[errors.cell(method, repeat, kind, n) for method in drawn] for repeat in errors.repeats]
    reach = [(c.bias_percent, _error(c)) for column in columns for c in column if c is not None and _is_known(c)]
    low = min([-_LEAST_BIAS, *(value - error for value, error in reach)]) * _HEADROOM
    high = max([_LEAST_BIAS, *(value + error for value, error in reach)]) * _HEADROOM
    panel = rescaled(panel, high - low)
    apart = _apart(high - low)
    ticks = [apart * k for k in range(math.ceil(low / apart), math.floor(high / apart) + 1)]
    frame.levels(panel, [tick - low for tick in ticks], [f"{tick:+g}%" if tick else "0%" for tick in ticks])
    marks.rules(panel, [[(0.0, -low), (panel.x_end, -low)]], INK, panel.data, linewidths=1.2, zorder=1)
    for j, column in enumerate(columns):
        known = [c for c in column if _is_known(c)]
        if not known:
            off_zero = 0.25 if -low > (high - low) / 2 else 0.75
            is_asked = any(cell is not None for cell in column)
            text = "no energy to\ntake a share of" if is_asked else "none asked\non such days"
            panel.write((j + 0.5) / panel.x_end, off_zero, text, ha="center", va="center", color=SOFT)
        for i, cell in enumerate(column):
            if _is_known(cell) and cell is not None:
                x = j + 0.5 + _DODGE * (i - (len(drawn) - 1) / 2)
                _draw_bias(panel, (x, cell.bias_percent - low), cell, i)
        if is_labelled:
            frame.below(panel, j + 0.5, REPEATS[errors.repeats[j]])


def _is_known(cell: Cell | None) -> bool:
    return cell is not None and math.isfinite(cell.bias_percent)


def _error(cell: Cell | None) -> float:
    """The confidence that is drawn: where history runs out, errors are no matter of luck."""
    if cell is None or cell.without_history_percent > 0 or not math.isfinite(cell.bias_error_percent):
        return 0.0
    return cell.bias_error_percent


def _draw_bias(panel: Panel, at: tuple[float, float], cell: Cell, i: int) -> None:
    (x, y), error = at, _error(cell)
    if error:
        look: Style = {"colors": colour(i), "linewidths": _WHISKER_PT, "transform": panel.data, "zorder": 2}
        panel.ax.add_artist(LineCollection([[(x, y - error), (x, y + error)]], **look))
    is_hollow = cell.without_history_percent > 0
    face: Style = {"markerfacecolor": PAPER if is_hollow else colour(i), "markeredgewidth": 1.6 if is_hollow else 0.5}
    edge: Style = {"markeredgecolor": colour(i) if is_hollow else PAPER, "marker": _MARKERS[i % len(_MARKERS)]}
    shape: Style = {"markersize": _MARKER_PT, "linestyle": "none", "clip_on": False, "zorder": 3}
    panel.ax.add_artist(Line2D([x], [y], transform=panel.data, **face, **edge, **shape))


def _apart(span: float) -> float:
    """Between levels of which there are up to six: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(span / 6))
    return next(power * m for m in (1, 2, 5, 10) if span / (power * m) <= 6)  # noqa: PLR2004 - as above
