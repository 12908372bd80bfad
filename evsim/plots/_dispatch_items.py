"""What stands beside the picture of a dispatch: its key, and with each mark the number that it comes to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evsim._dispatch.record import Response
from evsim._units import SECONDS_PER_HOUR, Bools
from evsim.market._dispatch_view import DispatchView
from evsim.market._readings import PERIOD_S
from evsim.market._twin import REBOUND_S
from evsim.plots import _dispatch_facts as facts
from evsim.plots import _words as words
from evsim.plots._multiples import PERCENT

_MOST_TARGETS, _MOST_REASONS = 2, 4
_WORTH_A_WORD = 0.01
"""Of what was delivered: less than this beside it is not mentioned. Our choice."""


class Item(NamedTuple):
    """Something to be told beside the picture: what it is drawn as (a key of `DISPATCH`, or nothing), and words."""

    mark: str
    head: str
    small: Sequence[str] = ()


def items(view: DispatchView) -> list[Item]:
    """The key, and with each of its marks what it comes to."""
    found = [
        Item("metered", "Metered", ("with the dispatch",)),
        Item("counterfactual", "Counterfactual", ("the same luck, without it",)),
        Item("baseline", f"Baseline {words.clean(view.method)}", _of_baseline(view)),
    ]
    if any(window.target_kw is not None for window in view.windows):
        found.append(Item("target", "Target", (_of_target(view),)))
    found.append(Item("delivered", f"Delivered {facts.energy(view.truth.delivered_kwh)} kWh", _of_delivered(view)))
    return [*found, *_undone(view), *_prepared(view), _rebound(view), _took_part(view)]


def _of_baseline(view: DispatchView) -> Sequence[str]:
    if not any(map(math.isfinite, view.baseline_kw.tolist())):
        return ("not known",)
    if view.n_without_baseline:
        return (f"{view.n_without_baseline:,} of {view.n_meters:,} meters have none:", "as metered")
    return ("drawn for its day",) if _is_one_day(view) else ("drawn for its days",)


def _is_one_day(view: DispatchView) -> bool:
    served = facts.spans(view)
    return facts.local(view, served[0].start_s).date() == facts.local(view, served[-1].end_s - 1).date()


def _of_target(view: DispatchView) -> str:
    """By how much the target is off the counterfactual."""
    said = [
        f"{facts.power(window.target_kw)} {'more' if window.action == facts.TURN_UP else 'less'}"
        for window in view.windows
        if window.target_kw is not None
    ]
    said = list(dict.fromkeys(said))
    return ", then ".join(said) if len(said) <= _MOST_TARGETS else f"{said[0]}, and others"


def _of_delivered(view: DispatchView) -> Sequence[str]:
    truth = view.truth
    share = ""
    if truth.target_kwh is not None and truth.delivered_share is not None:
        share = f"{facts.number(PERCENT * truth.delivered_share, 0)}% of {facts.energy(truth.target_kwh)} kWh"
    settled = "not known" if math.isnan(view.delivered_kwh) else f"{facts.energy(view.delivered_kwh)} kWh"
    said = (share, f"settled by {words.clean(view.method)}: {settled}", f"payment {_money(view.payment_gbp)}")
    return [text for text in said if text]


def _money(gbp: float) -> str:
    if math.isnan(gbp):
        return "not known"
    return f"{facts.MINUS if round(gbp, 2) < 0 else ''}£{abs(gbp):,.2f}"


def _more_kwh(view: DispatchView, where: Bools) -> float:
    """What was drawn more than without it in some half-hours [kWh]."""
    return float(np.nansum((view.metered_kw - view.twin_kw)[where])) * PERIOD_S / SECONDS_PER_HOUR


def _undone(view: DispatchView) -> Sequence[Item]:
    """What went the other way in its half-hours, if it is worth a word."""
    within = facts.areas(view)
    right, wrong = (abs(_more_kwh(view, within[name])) for name in ("delivered", "undone"))
    if not _is_worth_a_word(wrong, right):
        return ()
    return (Item("undone", f"Undone {facts.energy(wrong)} kWh", ("the other way meanwhile; the net counts",)),)


def _is_worth_a_word(kwh: float, beside_kwh: float) -> bool:
    return facts.energy(kwh) != "0" and abs(kwh) > _WORTH_A_WORD * abs(beside_kwh)


def _prepared(view: DispatchView) -> Sequence[Item]:
    served = facts.spans(view)
    is_between = facts.areas(view)["prepared"] & (view.starts_s >= served[0].end_s)
    before, between = view.truth.prepared_kwh, _more_kwh(view, is_between)
    has_before, has_between = (_is_worth_a_word(kwh, view.truth.delivered_kwh) for kwh in (before, between))
    if not has_before:
        said = Item("prepared", _more("Between", between), ("drawn between its windows",))
        return (said,) if has_between else ()
    small = ("from notice to start;", _more("between windows", between)) if has_between else ("from notice to start",)
    return (Item("prepared", _more("Prepared", before), small),)


def _rebound(view: DispatchView) -> Item:
    truth = view.truth
    seconds = round(truth.hours_after * SECONDS_PER_HOUR)
    is_to_end = view.windows[-1].end_s + seconds >= view.clock.end_s
    if seconds <= 0:
        return Item("rebound", "Rebound not seen", ("the run ends here" if is_to_end else "the next dispatch follows",))
    ends = "" if seconds >= REBOUND_S else ", to the run's end" if is_to_end else ", until the next"
    small = [f"in {facts.lasting(seconds)} after it{ends}"]
    if facts.energy(truth.rebound_peak_kw) != "0":
        small.append(f"at most {words.power(truth.rebound_peak_kw)} more at once")
    small.append(f"fleet's peak then {words.power(truth.peak_kw)}")
    small.append(f"({words.power(truth.twin_peak_kw)} without it)")
    return Item("rebound", _more("Rebound", truth.rebound_kwh), small)


def _more(name: str, kwh: float) -> str:
    """`Rebound 554 kWh`; of less than nothing `Rebound: 554 kWh less`."""
    shown = facts.energy(abs(kwh))
    return f"{name}: {shown} kWh less" if kwh < 0 and shown != "0" else f"{name} {shown} kWh"


def _took_part(view: DispatchView) -> Item:
    """How many of whom, and the commonest answers of the others."""
    return Item("", f"{view.n_took_part:,} of {view.n_meters:,} took part", reasons(view))


def reasons(view: DispatchView) -> Sequence[str]:
    """Why others did not take part: the commonest answers."""
    others = {label: n for label, n in view.responses.items() if label != Response.TOOK_PART.label}
    common = sorted(others.items(), key=lambda one: -one[1])
    shown = common[: _MOST_REASONS if len(common) <= _MOST_REASONS else _MOST_REASONS - 1]
    said = [f"{n:,} {label.replace('_', ' ')}" for label, n in shown]
    left = sum(n for _, n in common[len(shown) :])
    more = (f"{left:,} for other reasons",) if left else ()
    return *said, *more
