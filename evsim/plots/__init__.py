"""Pictures of a run: each takes `Results` and, if wanted, an Axes to draw in, and returns the Axes.

Those of several runs, `compare_...`, take a `Comparison`, that of a dispatch what is to be seen of it, and
`baseline_error` the `BaselineErrors` of a truth lab.

Importing this room imports matplotlib; nothing else in evsim does. No global state of matplotlib is touched
(`pyplot` is not imported), so a notebook can put the pictures in figures of its own:

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(18, 6))
    charging_curves(results, left)
    power_by_archetype(results, right)
"""

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
from evsim.plots._power import power_by_archetype
from evsim.plots._saving import (
    save_all,
    save_assets,
    save_baseline_errors,
    save_comparison,
    save_dispatches,
    save_firm,
)
from evsim.plots._soc_at_plug_in import soc_at_plug_in

__all__ = [
    "charging_curves",
    "power_by_archetype",
    "plug_in_times",
    "soc_at_plug_in",
    "occupancy",
    "assets_by_hour",
    "firm_power",
    "compare_power",
    "compare_costs",
    "compare_night",
    "dispatch_picture",
    "baseline_error",
    "save_all",
    "save_comparison",
    "save_assets",
    "save_firm",
    "save_dispatches",
    "save_baseline_errors",
]
