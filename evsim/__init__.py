"""evsim: populations of people who charge electric cars at home.

    from evsim import Scenario, simulate
    results = simulate(Scenario.from_file("config_json.json"))
    results.users[3].log.energy_kwh("2026-01-14T17:00", "2026-01-14T18:00")

Pictures are in `evsim.plots`, a contract check for strategies in `evsim.testing`.
"""

from __future__ import annotations

from evsim._errors import (
    ConfigError,
    EvsimError,
    InvariantError,
    LeverError,
    OutputError,
    StrategyError,
)
from evsim._event_kinds import EventKind
from evsim._event_log import Event, EventLog, Session
from evsim._events import EventStore
from evsim._population import Population
from evsim._results import Certificate, Peak, Results
from evsim._scenario import Scenario
from evsim._simulator import Simulator, simulate
from evsim._tables import Table
from evsim._user import User
from evsim._user_archetype import UserArchetype
from evsim._user_controller import UserController
from evsim._version import __version__
from evsim.market import Bill, Bills, bills
from evsim.strategies import (
    Car,
    ChargingStrategy,
    FleetStrategy,
    Observation,
    Order,
    Orders,
    PerCarStrategy,
    Strategy,
    load_strategies,
)

__all__ = [
    "Scenario",
    "simulate",
    "Results",
    "UserArchetype",
    "Population",
    "User",
    "EventLog",
    "Event",
    "EventKind",
    "Session",
    "EventStore",
    "Table",
    "Certificate",
    "Peak",
    "bills",
    "Bills",
    "Bill",
    "UserController",
    "ChargingStrategy",
    "Strategy",
    "PerCarStrategy",
    "FleetStrategy",
    "Observation",
    "Orders",
    "Car",
    "Order",
    "load_strategies",
    "Simulator",
    "EvsimError",
    "ConfigError",
    "LeverError",
    "StrategyError",
    "OutputError",
    "InvariantError",
    "__version__",
]
