"""What a run prints of its dispatches: what was asked for, what came of it, and who did not take part and why."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from evsim._dispatch.record import Note, Response
from evsim._units import SECONDS_PER_DAY
from evsim.market import Deliveries, Delivery

_GAP = 2
_TENTHS = 99.95
_WORDS = {
    Response.NOT_PLUGGED_IN: "not plugged in",
    Response.CANNOT_DISCHARGE: "cannot discharge",
    Response.BELOW_RESERVE: "not above the reserve",
    Response.WOULD_MISS_READY_BY: "would not be ready in time",
    Response.NOTHING_TO_TURN_DOWN: "would not draw anyway",
    Response.NOTHING_TO_TURN_UP: "cannot draw more",
    Response.BUSY: "served another",
    Response.NOT_NEEDED: "not needed",
    Response.OPTED_OUT: "opted out",
}
_NOTES = {
    Note.LEFT_EARLY: "left early",
    Note.RESERVE_REACHED: "came down to the reserve",
    Note.HAD_TO_CHARGE: "had to charge",
}


def dispatch_report(found: Deliveries) -> Group:
    """A table with a row for each dispatch, and a line on who did not take part."""
    method = found.run.scenario.settlement.baseline.name
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    table.add_column("dispatches", overflow="fold", min_width=12, vertical="bottom")
    table.add_column("\nwindow", vertical="bottom")
    for heading in ("asked\nkWh", "delivered\nkWh", f"{method}\nsays kWh", "paid\nGBP", "rebound\nkWh"):
        table.add_column(heading, justify="right", no_wrap=True, vertical="bottom")
    for one in found.each:
        table.add_row(Text(one.lived.id), *_cells(found, one))
    notes = [
        "delivered: against the same run without dispatches; rebound: drawn more in the 24 h after, or until the next",
        *(line for one in found.each for line in _lines(one)),
    ]
    return Group(table, Text(), Text("\n".join(notes)))


def _cells(found: Deliveries, one: Delivery) -> Iterator[str]:
    totals, truth = one.settlement.totals, one.truth
    yield _window(found, one)
    yield _kwh(truth.target_kwh) if truth.target_kwh is not None else "all" if one.lived.windows else "-"
    yield _kwh(truth.delivered_kwh)
    yield _kwh(totals["delivered_kwh"])
    yield f"{totals['payment_gbp'] or 0.0:z,.2f}"
    yield _kwh(truth.rebound_kwh)


def _window(found: Deliveries, one: Delivery) -> str:
    """`Wed 14 Jan 18:00-19:00 discharge`, as it served; else what it was to be."""
    clock, acts = found.run.clock, one.lived.windows
    action = one.lived.word.action.replace("_", "-")
    if not acts:
        return f"{one.lived.word.start:%a %d %b %H:%M} {action}: never"
    first, end = acts[0].start_s, acts[-1].end_s
    begins, ends = map(clock.local_words, clock.to_utc(np.array([first, end])))
    shown = ends.rpartition(" ")[2] if end - first < SECONDS_PER_DAY else ends
    return f"{begins}-{shown} {action}"


def _lines(one: Delivery) -> Iterator[str]:
    """Who took part of those whose meters count, who did not and why; and what else is to be known."""
    responses = one.lived.responses[one.users]
    counts = {response: int((responses == response).sum()) for response in (*_WORDS, Response.TOOK_PART)}
    why = ", ".join(f"{counts[response]:,} {text}" for response, text in _WORDS.items() if counts[response])
    n_noted = {text: int(((one.lived.notes & note) > 0).sum()) for note, text in _NOTES.items()}
    noted = ", ".join(f"{n:,} {text}" for text, n in n_noted.items() if n)
    took = f"{one.lived.id}: {counts[Response.TOOK_PART]:,} of {len(responses):,} cars took part"
    took += f" ({noted})" if noted else ""
    if one.lived.windows:
        yield f"{took}; {why}" if why else took
    yield from (f"{one.lived.id}: {note}" for note in (*one.lived.told.notes, *one.notes))


def _kwh(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:z,.{1 if abs(value) < _TENTHS else 0}f}"
