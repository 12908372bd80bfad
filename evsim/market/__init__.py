"""What a run is worth: it reads `Results`, and nothing in a run depends on it. And baselines of meters, by name.

What is about dispatches and meters is loaded when somebody asks for it: most runs need none of it, and start-up is part
of the product.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from evsim.market._bills import Bill, Bills, bills, has_bills
from evsim.market._signal_facts import SignalFacts, signal_facts

if TYPE_CHECKING:
    from evsim._dispatch.methods import METHODS, Method, method_named
    from evsim.market._baselines import Baseline, baseline
    from evsim.market._delivered import Deliveries, Delivery, deliveries
    from evsim.market._dispatch_view import DispatchView, view
    from evsim.market._history import holidays_of
    from evsim.market._proof import Evidence, Orders, Proof, Verdict, proofs_in, verify_proof, write_proof
    from evsim.market._readings import Readings
    from evsim.market._settlement import Settlement, settle
    from evsim.market._twin import Truth, Twins, twins
    from evsim.market._windows import Window, windows_by_day

__all__ = [
    "bills", "Bills", "Bill", "has_bills", "signal_facts", "SignalFacts",
    "baseline", "Baseline", "Readings", "Method", "METHODS", "method_named", "holidays_of",
    "twins", "Twins", "Truth", "deliveries", "Deliveries", "Delivery", "view", "DispatchView",
    "Window", "windows_by_day", "settle", "Settlement",
    "Evidence", "Orders", "write_proof", "Proof", "verify_proof", "Verdict", "proofs_in",
]  # fmt: skip

_LATER = {
    "evsim._dispatch.methods": ("METHODS", "Method", "method_named"),
    "evsim.market._baselines": ("baseline", "Baseline"),
    "evsim.market._history": ("holidays_of",),
    "evsim.market._readings": ("Readings",),
    "evsim.market._twin": ("twins", "Twins", "Truth"),
    "evsim.market._delivered": ("deliveries", "Deliveries", "Delivery"),
    "evsim.market._dispatch_view": ("view", "DispatchView"),
    "evsim.market._windows": ("Window", "windows_by_day"),
    "evsim.market._settlement": ("settle", "Settlement"),
    "evsim.market._proof": (
        "Evidence", "Orders", "write_proof", "Proof", "verify_proof", "Verdict", "proofs_in",
    ),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _LATER.items() for name in names}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever is asked for
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)
