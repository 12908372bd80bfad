"""What a run is worth: it reads `Results`, and nothing in a run depends on it."""

from evsim.market._bills import Bill, Bills, bills, has_bills
from evsim.market._signal_facts import SignalFacts, signal_facts

__all__ = ["bills", "Bills", "Bill", "has_bills", "signal_facts", "SignalFacts"]
