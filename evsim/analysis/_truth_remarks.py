"""What stands out in a truth lab's tables, as sentences: each is said only where the numbers say it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from evsim.analysis._truth_errors import Cell
from evsim.analysis._truth_lab import FEW_DAYS, NON_WORKING, WORKING, BaselineErrors
from evsim.analysis._truth_plan import ADJUSTED, REPEATS

_ZERO, _BL01 = "zero", "bl01"
_LEAST_POINTS = 2.0
"""A change of bias under that many points of the counterfactual is not worth a sentence: our choice."""
_AS_ZERO = 100
"""How far off zero is, always [%]."""
_LITTLE = 0.5
"""Of the counterfactual: where less was delivered, shares of what was delivered are large, and that is said."""
DAYS = {WORKING: "working days", NON_WORKING: "non-working days"}


def truth_remarks(errors: BaselineErrors) -> list[str]:
    """Sentences about bias, number of assets, adjustment, repetition and what the numbers rest on."""
    return [
        *_nearest(errors),
        *_biased(errors),
        *_adjusted(errors),
        *_repeated(errors),
        *_delivered(errors),
        *_rough(errors),
    ]


def first_cells(errors: BaselineErrors, day_type: str, size: int, methods: Sequence[str] | None = None) -> list[Cell]:
    """The cells of methods for the rarest repeat."""
    named = errors.methods if methods is None else methods
    cells = (errors.cell(method, errors.repeats[0], day_type, size) for method in named)
    return [cell for cell in cells if cell is not None]


def _shares(errors: BaselineErrors, day_type: str, size: int, methods: Sequence[str]) -> list[Cell]:
    """Those of them in which there is a counterfactual to take shares of."""
    return [cell for cell in first_cells(errors, day_type, size, methods) if math.isfinite(cell.mae_percent)]


def _nearest(errors: BaselineErrors) -> Iterator[str]:
    """How the error falls with the number of assets, and where nothing is nearer than nothing."""
    n, judged = errors.n_assets, [m for m in errors.methods if m != _ZERO]
    all_, alone = (_shares(errors, WORKING, size, judged) for size in (n, errors.sizes[0]))
    if not all_:
        return
    best, single = min(all_, key=lambda c: c.mae_percent), min(alone, key=lambda c: c.mae_percent)
    if n > 1:
        yield (
            f"nearest for all {n:,} assets on working days: {best.method}, off by {best.mae_percent:.1f}%; for a "
            f"single asset: {single.method}, off by {single.mae_percent:.0f}%"
        )
    if single.n_assets == 1 and single.mae_percent > _AS_ZERO:
        yield (
            f"for a single asset every method is further off than taking zero ({_AS_ZERO}%): on "
            f"{single.idle_percent:.0f}% of the days it draws nothing in the window"
        )


def _biased(errors: BaselineErrors) -> Iterator[str]:
    """Methods whose bias is more than luck."""
    for day_type, name in DAYS.items():
        cells = _shares(errors, day_type, errors.n_assets, [m for m in errors.methods if m != _ZERO])
        sure = [c for c in cells if abs(c.bias_percent) > max(_LEAST_POINTS, c.bias_error_percent)]
        if sure:
            listed = ", ".join(f"{c.method} {_signed(c.bias_percent)}" for c in sure)
            yield f"biased beyond luck on {name}: {listed}"


def _adjusted(errors: BaselineErrors) -> Iterator[str]:
    """What the in-day adjustment is worth."""
    cells = _shares(errors, WORKING, errors.n_assets, (_BL01, ADJUSTED))
    if len(cells) == len((_BL01, ADJUSTED)):
        plain, adjusted = (cell.mae_percent for cell in cells)
        if plain > 0 and f"{plain:.1f}" != f"{adjusted:.1f}":
            verb = "worsens" if adjusted > plain else "improves"
            yield (
                f"in-day adjustment {verb} bl01 on working days: off by {adjusted:.1f}% with it, {plain:.1f}% without "
                f"(all {errors.n_assets:,} assets)"
            )


def _repeated(errors: BaselineErrors) -> Iterator[str]:
    """What repetition does to the bias, and to the history."""
    first, *others = errors.repeats
    for day_type, name in DAYS.items():
        pairs = [
            (before, after)
            for repeat in others
            for method in errors.methods
            if (before := _known(errors, method, first, day_type))
            and (after := _known(errors, method, repeat, day_type))
        ]
        moved = [_moved(before, after) for before, after in pairs if _is_moved(before, after)]
        if moved:
            yield f"repetition moves the bias on {name}: {'; '.join(moved)}"
        elif pairs:
            yield f"repetition moves no bias beyond luck on {name}"


def _known(errors: BaselineErrors, method: str, repeat: str, day_type: str) -> Cell | None:
    """The cell of all assets, if it has a bias."""
    cell = errors.cell(method, repeat, day_type, errors.n_assets)
    return cell if cell is not None and math.isfinite(cell.bias_percent) else None


def _is_moved(before: Cell, after: Cell) -> bool:
    """Whether a bias differs by more than its confidence, or for want of history. The days are the same in both."""
    errors = [one.bias_error_percent for one in (before, after) if math.isfinite(one.bias_error_percent)]
    is_more = abs(after.bias_percent - before.bias_percent) > max([_LEAST_POINTS, *errors])
    return is_more or after.without_history_percent > 0


def _moved(before: Cell, after: Cell) -> str:
    missing = after.without_history_percent
    why = f" (on {missing:.0f}% of them no history is left)" if missing else ""
    ends = " to ".join(_signed(cell.bias_percent) for cell in (before, after))
    return f"{after.method} from {ends} {REPEATS[after.repeat]}{why}"


def _signed(percent: float) -> str:
    return f"{round(percent) + 0.0:+.0f}%" if round(percent) else "0%"


def _delivered(errors: BaselineErrors) -> Iterator[str]:
    """Where little was delivered, for a share is then of little; and dispatches that others still disturb."""
    for day_type, name in DAYS.items():
        cells = first_cells(errors, day_type, errors.n_assets)
        if cells and not cells[0].counterfactual_kwh > 0:
            yield (
                f"without a dispatch nothing is drawn in the window on {name}, on balance: errors are in kWh an asset "
                "and day"
            )
        elif cells and cells[0].delivered_kwh < _LITTLE * cells[0].counterfactual_kwh:
            cell = cells[0]
            yield (
                f"little was delivered on {name}: {cell.delivered_kwh:.3g} of {cell.counterfactual_kwh:.3g} kWh an "
                "asset and day; over-credit is a share of that"
            )
    for repeat in errors.repeats:
        found = {c.day_type: (c.n_changed, c.n_days) for c in errors.cells if c.repeat == repeat}
        n, of = (sum(pair[i] for pair in found.values()) for i in (0, 1))
        if n:
            yield (
                f"{REPEATS[repeat]}: on {n:,} of {of * errors.n_assets:,} asset-days an earlier dispatch was still "
                "felt at the notice"
            )


def _rough(errors: BaselineErrors) -> Iterator[str]:
    for day_type, name in DAYS.items():
        n = errors.n_days[day_type]
        if 0 < n < FEW_DAYS:
            yield f"only {n} {name}: their figures are rough; --days {_enough(errors, day_type)} has {FEW_DAYS}"


def _enough(errors: BaselineErrors, day_type: str) -> int:
    """About how many days have enough of a kind."""
    total = sum(errors.n_days.values())
    return math.ceil(FEW_DAYS / (errors.n_days[day_type] / total) / 7) * 7
