"""The pictures as PNG files."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from evsim._results import Results
from evsim._version import __version__
from evsim.analysis import Comparison
from evsim.analysis._envelope import Envelope
from evsim.analysis._firm import Firm
from evsim.analysis._possible import Possible
from evsim.analysis._truth_lab import BaselineErrors
from evsim.market._dispatch_view import DispatchView
from evsim.plots._assets import assets_by_hour
from evsim.plots._baseline_error import baseline_error
from evsim.plots._charging import charging_curves
from evsim.plots._compare_costs import compare_costs
from evsim.plots._compare_night import compare_night
from evsim.plots._compare_power import compare_power
from evsim.plots._dispatch import dispatch_picture
from evsim.plots._firm import firm_power
from evsim.plots._occupancy import occupancy
from evsim.plots._plug_in_times import plug_in_times
from evsim.plots._png import png
from evsim.plots._power import power_by_archetype
from evsim.plots._soc_at_plug_in import soc_at_plug_in

DPI = 150
_HINTING = "none"
"""Words take most of the time of drawing; fitting them to pixels, unseen at 150 dpi, is a third of it."""
_PICTURES = {
    "charging_curves.png": charging_curves,
    "power_by_archetype.png": power_by_archetype,
    "plug_in_times.png": plug_in_times,
    "soc_at_plug_in.png": soc_at_plug_in,
    "occupancy.png": occupancy,
}
_OF_COMPARISONS = {
    "compare_power.png": compare_power,
    "compare_costs.png": compare_costs,
    "compare_night.png": compare_night,
}


def save_all(results: Results, folder: Path) -> list[Path]:
    """Write the pictures of a run as PNG files into a folder; returns their paths.

    The same results give the same bytes. The files carry title, evsim version and config hash.
    """
    drawn = ((name, draw(results)) for name, draw in _PICTURES.items())
    return [_save(ax, Path(folder) / name, results.scenario.config_hash) for name, ax in drawn]


def save_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Write the pictures of variants side by side; they carry the config hashes of all of them."""
    drawn = ((name, draw(comparison)) for name, draw in _OF_COMPARISONS.items())
    return [_save(ax, Path(folder) / name, " ".join(comparison.config_hashes)) for name, ax in drawn]


def save_assets(results: Results, counted: Possible, asked: str, folder: Path) -> Path:
    """Write `assets.png`: what cars could do through the day; asked : a line about what was asked."""
    ax = assets_by_hour(results, counted=counted, asked=asked)
    return _save(ax, Path(folder) / "assets.png", results.scenario.config_hash)


def save_firm(results: Results, held: Envelope, asked: Firm, folder: Path) -> Path:
    """Write `firm_power.png`: the power that can be held, by half-hour and length, with a window marked."""
    ax = firm_power(results, held=held, confidence=asked.confidence, asked=asked)
    return _save(ax, Path(folder) / "firm_power.png", results.scenario.config_hash)


def save_dispatches(views: Iterable[DispatchView], folder: Path) -> list[str]:
    """Write a picture of each dispatch, `dispatch_<id>.png`, into a folder; returns the names of the files.

    An id is a safe name of a file: letters, digits, `-`, `_`, and points inside.
    """
    names = []
    for view in views:
        names.append(f"dispatch_{view.id}.png")
        _save(dispatch_picture(view), Path(folder) / names[-1], view.scenario.config_hash)
    return names


def save_baseline_errors(errors: BaselineErrors, folder: Path) -> list[Path]:
    """Write the picture of how wrong baselines are."""
    return [_save(baseline_error(errors), Path(folder) / "baseline_error.png", errors.config_hash)]


def _save(ax: Axes, path: Path, config_hash: str) -> Path:
    facts = {
        "Title": " ".join(ax.get_title(loc="left").split()),
        "Software": f"evsim {__version__}",
        "Config hash": config_hash,
    }
    path.write_bytes(png(_pixels(ax), DPI, facts))
    return path


def _pixels(ax: Axes) -> NDArray[np.uint8]:
    """The drawn figure: (height, width, 3). Signs that the font lacks are drawn as boxes, without a word."""
    figure = cast("Figure", ax.get_figure(root=True))
    figure.dpi = DPI
    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings(), rc_context({"text.hinting": _HINTING}):
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        canvas.draw()  # type: ignore[no-untyped-call] # so in matplotlib
    rgba: NDArray[np.uint8] = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call] # as above
    return rgba[:, :, :3]
