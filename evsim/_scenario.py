"""The config: everything that a run depends on, checked as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field

from evsim._behaviour import Behaviour
from evsim._clock import Clock
from evsim._config.charging import Charging, Strategies
from evsim._config.livable import unlivable
from evsim._config.notes import fraction_note, notes_on
from evsim._config.override import Override
from evsim._config.parts import DEFAULT_TIMEZONE, Battery, Outputs, Simulation
from evsim._config.rules import unfit_rules
from evsim._config.shares import empty_archetypes, largest_remainder, repeated_names, rules_for_nobody, wrong_sum
from evsim._config.sheet import rename
from evsim._dispatch.book import Book
from evsim._dispatch.settings import Dispatch, unfit_dispatches
from evsim._dispatch.settlement import Settlement
from evsim._errors import ConfigError
from evsim._recorded.sessions import RecordedSessions
from evsim._recorded.settings import NO_ARCHETYPES, Sessions
from evsim._series import NO_SIGNALS, Signal, Signals
from evsim._signals.settings import SOURCES, CarbonSource, DemandSource, PriceSource, Source
from evsim._typed_in.faults import Fault, did_you_mean, show
from evsim._typed_in.settings import Settings, Whole, attempt, part_of, setting
from evsim._typed_in.values import as_name, as_percent
from evsim._user_archetype import UserArchetype
from evsim.strategies._base import ChargingStrategy

if TYPE_CHECKING:
    from evsim._signals.build import Built

MOST_USERS = 2**31 - 1
"""User numbers have 32 bits, to keep a log of millions small."""

__all__ = ["Battery", "Behaviour", "Charging", "Outputs", "Scenario", "Simulation", "UserArchetype"]


class Scenario(Settings):
    """Everything a run depends on. Same scenario, same numbers."""

    simulation: Simulation = Field(default_factory=Simulation, description="When, how long, how finely.")
    population_size: Whole = setting("Number of people, each with a car.", "people", 1_000, ge=1, le=MOST_USERS)
    archetypes: tuple[UserArchetype, ...] = Field(
        description="Kinds of people: a list of archetypes, or a CSV file of the sheet (or give sessions instead). "
        "Shares sum to 100.",
        min_length=1,
    )
    sessions: Sessions | None = Field(
        None,
        description="Real sessions to live again instead of archetypes: a CSV file, or an object that says more of it.",
        json_schema_extra={"unit": "sessions"},
    )
    behaviour: Behaviour = Field(default_factory=Behaviour, description="How people differ.")
    battery: Battery = Field(default_factory=Battery, description="Between the meter and the battery.")
    charging: Charging = Field(
        default_factory=Charging, description="The charging rule, and those of single archetypes."
    )
    import_price: PriceSource | None = Field(
        None,
        description="Price of imported electricity: a number, a time-of-use table, a file, or an object.",
        json_schema_extra={"unit": "p_per_kwh"},
    )
    export_price: PriceSource | None = Field(
        None,
        description="Price paid for exported electricity: as import_price.",
        json_schema_extra={"unit": "p_per_kwh"},
    )
    carbon_intensity: CarbonSource | None = Field(
        None,
        description="Carbon intensity of imported electricity: as import_price.",
        json_schema_extra={"unit": "g_per_kwh"},
    )
    demand: DemandSource | None = Field(
        None,
        description="Demand of everything but the cars, for filling its valleys: as import_price.",
        json_schema_extra={"unit": "kw"},
    )
    dispatches: tuple[Dispatch, ...] = Field(
        (),
        description="What the market asks of the fleet: a list of dispatches, or a JSON file of them.",
        json_schema_extra={"unit": "dispatches"},
    )
    settlement: Settlement = Field(
        default_factory=Settlement, description="How what was delivered is measured and paid for."
    )
    outputs: Outputs = Field(default_factory=Outputs, description="What a run writes.")

    @classmethod
    def from_file(
        cls,
        path: str | PathLike[str],
        overrides: Sequence[Override] = (),
        strategies: Strategies | None = None,
    ) -> Self:
        """The scenario of a JSON file.

        overrides : single settings, as in ("simulation.days", "3"), that replace the file's
        strategies : the strategy classes that the file may name; those of evsim by default
        Raises ConfigError, whose text lists every fault with its line and remedy.
        """
        from evsim._config.source import ConfigSource

        return ConfigSource.of_file(path).scenario(cls, overrides, strategies)

    @classmethod
    def from_dict(
        cls,
        config: Mapping[str, Any],
        overrides: Sequence[Override] = (),
        strategies: Strategies | None = None,
    ) -> Self:
        """The scenario of a config that is already in memory. Raises ConfigError, as `from_file`."""
        from evsim._config.source import ConfigSource

        return ConfigSource.of_dict(config).scenario(cls, overrides, strategies)

    def to_dict(self) -> dict[str, Any]:
        """The whole config with every default filled in, ready for JSON; `from_dict` takes it back."""
        stand_ins = {"archetypes"} if self.sessions is not None else None
        return self.model_dump(mode="json", exclude_none=True, exclude=stand_ins)

    @cached_property
    def config_hash(self) -> str:
        """SHA-256 of the resolved config: equal for equal runs. Of files the content counts, not where they lie."""
        from hashlib import sha256

        config = self.to_dict()
        for key in ("sessions", *SOURCES):
            config.get(key, {}).pop("file", None)
        method = config["settlement"]["baseline"]
        if "file" in method:
            method["file"] = sha256(Path(method["file"]).read_bytes()).hexdigest()
        return sha256(json.dumps(config, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def recorded(self) -> RecordedSessions | None:
        """The real sessions that are lived again, if any."""
        return None if self.sessions is None else self.sessions.recorded

    @cached_property
    def n_users_by_archetype(self) -> tuple[int, ...]:
        """How many people of each archetype, by largest remainder; the earlier archetype wins a tie."""
        if self.recorded is not None:
            return self.recorded.n_users_by_archetype
        return largest_remainder(self.population_size, [a.population_percent for a in self.archetypes])

    @cached_property
    def archetype_names(self) -> tuple[str, ...]:
        """The archetypes' names, in config order."""
        return tuple(archetype.name for archetype in self.archetypes)

    @cached_property
    def _known_names(self) -> frozenset[str]:
        return frozenset(self.archetype_names)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What is probably not meant, though a run is possible."""
        told = [] if self.recorded is None else self._notes_on(self.recorded)
        typed = self.archetypes if self.recorded is None else ()
        told += [
            f"archetypes[{i}] {show(archetype.name)}: {text}"
            for i, archetype in enumerate(typed)
            for text in archetype.warnings
        ]
        told += empty_archetypes(self.population_size, self.archetypes, self.n_users_by_archetype)
        at = self.simulation.start.minute
        if at % self.simulation.step_minutes:
            told.append(f"simulation.start: {self.simulation.step_minutes} min steps begin {at} min past the hour")
        if self.simulation.left_over_minutes:
            told.append(
                f"simulation.step_minutes: {self.simulation.step_minutes} min do not divide the clock change of "
                f"{self.simulation.timezone}; the run ends {self.simulation.left_over_minutes} min early"
            )
        told += [text for one in self._built(self.simulation.clock()).values() for text in one.warnings]
        told += notes_on(self.charging, typed, own_targets=self.behaviour.target_soc == "sheet")
        return (*told, *self._foreign())

    def _foreign(self) -> Iterable[str]:
        """Settings that do not belong to the rest."""
        zone = self.simulation.timezone
        if self.recorded is not None and "behaviour" in self.model_fields_set:
            yield "behaviour: not used; recorded sessions say when people come and go"
        if self.recorded is None:
            note = fraction_note(("behaviour", "public_reserve_percent"), self.behaviour.public_reserve_percent)
            yield from [note] if note else []
        if self.recorded is None and self.behaviour.driving and self.behaviour.season and zone != DEFAULT_TIMEZONE:
            yield f"behaviour.season: the temperatures are Great Britain's, and the clock is that of {zone}"

    def _notes_on(self, recorded: RecordedSessions) -> list[str]:
        clock = self.simulation.clock()
        return list(recorded.notes(clock.start_epoch_s, clock.start_epoch_s + clock.end_s))

    def strategy_of(self, archetype_name: str) -> ChargingStrategy:
        """The charging rule of an archetype. Raises KeyError when there is no such archetype."""
        if archetype_name not in self._known_names:
            raise KeyError(f"no archetype {show(archetype_name)}{did_you_mean(archetype_name, self.archetype_names)}")
        if self.charging.fleet_limit_kw is not None:
            return self._fleet_limit
        return self.charging.strategy_of(archetype_name)

    @cached_property
    def _fleet_limit(self) -> ChargingStrategy:
        """One for all archetypes, round their own rules."""
        from evsim.strategies.fleet_limit import FleetLimit

        rules = tuple(map(self.charging.strategy_of, self.archetype_names))
        return FleetLimit(self.charging.fleet_limit_kw or 0.0, self.charging.share_by, rules)

    def verify(self) -> Iterable[Fault]:
        """Rules have the signals they choose by, and decide when a step begins."""
        yield from unfit_rules(self.charging, self._sources, self.simulation.step_minutes)
        yield from unfit_dispatches(self.dispatches, self.simulation.timezone, self.archetype_names)
        if self.charging.fleet_limit_kw is not None:
            for i, one in enumerate(self.dispatches):
                if one.action == "turn_up":
                    text = (
                        "a turn_up would draw beyond charging.fleet_limit_kw, which holds all the time; leave one out"
                    )
                    yield Fault(("dispatches", i, "action"), text)

    @property
    def _sources(self) -> dict[str, Source]:
        """Where signals come from, by key; those that there are."""
        given: dict[str, Source | None] = {key: getattr(self, key) for key in SOURCES}
        return {key: source for key, source in given.items() if source is not None}

    def without_dispatches(self) -> Self:
        """The same people with the same luck, and nothing asked of them: the counterfactual."""
        return self._but(dispatches=())

    def before(self, days: int) -> Self:
        """The same people in the days before the run, up to its start, and nothing asked of them."""
        earlier = {"start": self.simulation.start - timedelta(days=days), "days": days}
        return self._but(dispatches=(), simulation=self.simulation.model_copy(update=earlier))

    def _but(self, **settings: object) -> Self:
        """The same with other settings, and nothing kept that followed from the old ones."""
        made = self.model_copy(update=settings)
        for name in vars(made).keys() - type(self).model_fields.keys():
            del vars(made)[name]
        return made

    def signals_on(self, clock: Clock) -> Signals:
        """Prices, carbon intensity and demand on the clock of a run. Raises ConfigError where they do not fit it."""
        built = self._built(clock)
        made: dict[str, Signal] = {key: one.signal for key, one in built.items()}
        demand = made.pop("demand", None)
        return Signals(**made, demand_kw=demand) if built else NO_SIGNALS

    def dispatches_on(self, clock: Clock) -> Book | None:
        """What the market asks for, on the clock of a run; None where it asks for nothing."""
        return Book.of(self.dispatches, self.archetype_names, clock) if self.dispatches else None

    @property
    def signal_notes(self) -> dict[str, Any]:
        """Of each signal, where it comes from and what was done to it, ready for JSON."""
        return {key: dict(one.note) for key, one in self._built(self.simulation.clock()).items()}

    def _built(self, clock: Clock) -> dict[str, Built]:
        """The signals on a clock, each made once."""
        if not self._sources:
            return {}
        from evsim._signals.build import built
        from evsim._signals.faulty import FaultySourceError

        try:
            return {key: built(source, key, clock) for key, source in self._sources.items()}
        except FaultySourceError as error:
            raise ConfigError(str(error)) from None

    def check_fits(self, available_bytes: int | None = None, *, writes: bool = False) -> None:
        """Raise ConfigError when the run needs more memory than there is (this machine's, by default).

        writes : whether its tables will be made too, as the command line does; that needs several times the memory
        """
        from evsim._config.footprint import check_fits

        check_fits(self, available_bytes, writes=writes)

    @classmethod
    def prepare(cls, given: Any, context: Any) -> tuple[Any, list[Fault]]:  # noqa: ARG003 - not every part needs it
        """The config without `$schema`, which is for editors, with what its sessions imply and its files hold."""
        if not isinstance(given, Mapping):
            return given, []
        config = {key: value for key, value in given.items() if key != "$schema"}
        faults: list[Fault] = []
        if {"sessions", "columns"} & config.keys():
            from evsim._recorded.replay import resolve

            config, faults = resolve(config)
        if any(config.get(key) is not None for key in SOURCES):
            from evsim._signals.resolve import resolve as resolve_sources

            config, more = resolve_sources(config, dates_are_known=not faults)
            faults += more
        if isinstance(config.get("dispatches"), str):
            from evsim._dispatch.files import resolve as resolve_dispatches

            config["dispatches"], more = resolve_dispatches(config["dispatches"])
            faults += more
        return config, faults

    @classmethod
    def cross_check(cls, given: Any) -> Iterable[Fault]:
        """Shares sum to 100, names are unique, rules are for archetypes that exist."""
        listed = given.get("archetypes")
        if not isinstance(listed, list | tuple) or not listed or listed is NO_ARCHETYPES:
            return
        rows = [rename(row)[0] if isinstance(row, Mapping) else row for row in listed]
        names = [attempt(as_name, part_of(row, "name")) for row in rows]
        yield from repeated_names(names)
        yield from unlivable(rows, given.get("behaviour"))
        yield from wrong_sum([attempt(as_percent, part_of(row, "population_percent")) for row in rows], names)
        rules = part_of(given.get("charging"), "by_archetype")
        known = [name for name in names if name is not None]
        if isinstance(rules, Mapping) and len(known) == len(names):
            yield from rules_for_nobody(rules, known)
