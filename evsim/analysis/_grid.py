"""Every combination of settings, checked before any is run."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evsim._config.footprint import estimated_bytes
from evsim._config.override import Override, value_of
from evsim._errors import ConfigError, name_some
from evsim._scenario import Scenario

if TYPE_CHECKING:
    from evsim._config.charging import Strategies

MOST_RUNS = 10_000
SEED = "simulation.seed"
_MOST_FAULTS = 3
_SAME_AS_PEOPLE = 5_000
"""What there is to do for any run at all, in user-days: about 30 ms."""
_OPENS, _CLOSES = "[{", "]}"


@dataclass(frozen=True)
class Setting:
    """A setting's path, its values as they were typed, and what stands before a value on the command line."""

    path: str
    values: tuple[str, ...]
    flag: str

    @classmethod
    def of(cls, override: Override) -> Setting:
        """From `("population_size", "100,1000")`. Raises ConfigError."""
        path, text = override[0], override[1]
        flag = override[2].removesuffix(text) if len(override) > 2 else f"--set {path}="  # noqa: PLR2004 - three words
        try:
            return cls(path, tuple(split_values(text)), flag)
        except ValueError as error:
            raise ConfigError(f"{flag}{text}: {error}") from None

    def override(self, value: str) -> Override:
        """One of its values, for `Scenario.from_file`."""
        return self.path, value, f"{self.flag}{value}"


@dataclass(frozen=True)
class Run:
    """One combination with one seed: small, because there may be many.

    words : how a message names it; typed : its values in the order of the settings; config : JSON
    user_days : how much there is to simulate; needs_bytes : the most memory it holds at once
    """

    words: str
    typed: tuple[str, ...]
    seed: int
    config: str
    config_hash: str
    user_days: int
    needs_bytes: int


@dataclass(frozen=True)
class Plan:
    """All runs of a sweep, in the order of its rows, and what the scenarios warn of."""

    settings: tuple[Setting, ...]
    runs: tuple[Run, ...]
    notes: tuple[str, ...]
    n_seeds: int


def split_values(text: str) -> list[str]:
    """The values between commas; one inside [ ], { } or double quotes does not part them. Raises ValueError."""
    values, depth, is_quoted, is_escaped, begin = [], 0, False, False, 0
    for i, mark in enumerate(text):
        if is_quoted:
            is_quoted = is_escaped or mark != '"'
            is_escaped = mark == "\\" and not is_escaped
        elif mark == '"':
            is_quoted = True
        elif mark == "," and not depth:
            values.append(text[begin:i])
            begin = i + 1
        else:
            depth += (mark in _OPENS) - (mark in _CLOSES)
    if is_quoted:
        raise ValueError('a " is not closed')
    if depth:
        raise ValueError("its brackets do not match")
    values = [value.strip() for value in (*values, text[begin:])]
    if len(values) > 1 and "" in values:
        raise ValueError('nothing between two commas, or at an end; leave out the comma, or write an empty text as ""')
    return values


def plan_sweep(config: Path, overrides: Sequence[Override], n_seeds: int, strategies: Strategies | None) -> Plan:
    """Every combination, with each of `n_seeds` seeds from the config's on.

    Raises ConfigError with all that is faulty, named by combination.
    """
    settings = tuple(Setting.of(override) for override in overrides)
    _check(settings, n_seeds)
    runs: list[Run] = []
    faults: dict[str, list[str]] = {}
    notes: dict[str, None] = {}
    for typed in itertools.product(*(setting.values for setting in settings)):
        words = _words(settings, typed)
        given = [setting.override(value) for setting, value in zip(settings, typed, strict=True)]
        try:
            scenario = Scenario.from_file(config, given, strategies)
            _check_seeds(config, scenario, n_seeds)
            scenario.check_fits(writes=True)
        except ConfigError as error:
            faults.setdefault(str(error), []).append(words or "as it stands")
            continue
        notes.update(dict.fromkeys(scenario.warnings))
        runs += _with_seeds(scenario, n_seeds, words, typed)
    n_combinations = math.prod(len(setting.values) for setting in settings)
    _tell(config, faults, n_combinations)
    return Plan(settings, tuple(runs), tuple(notes), n_seeds)


def _check(settings: Sequence[Setting], n_seeds: int) -> None:
    paths = [setting.path for setting in settings]
    twice = [path for path in dict.fromkeys(paths) if paths.count(path) > 1]
    if twice:
        given = [s for s in settings if s.path == twice[0]]
        typed = " and ".join(f"{setting.flag}{','.join(setting.values)}" for setting in given)
        raise ConfigError(
            f"{name_some(twice)}: given twice ({typed}); write all its values in one list, as in {given[0].flag}1,2"
        )
    if n_seeds > 1 and any(setting.path == SEED and len(setting.values) > 1 for setting in settings):
        raise ConfigError(f"{SEED} has several values and --seeds {n_seeds} asks for more; give one of the two")
    n_runs = math.prod([n_seeds, *(len(setting.values) for setting in settings)])
    if n_runs > MOST_RUNS:
        counts = " x ".join([*(f"{len(s.values):,} of {s.path}" for s in settings), f"{n_seeds:,} seeds"])
        raise ConfigError(f"{n_runs:,} runs ({counts}); a sweep has at most {MOST_RUNS:,}: leave some values out")


def _check_seeds(config: Path, scenario: Scenario, n_seeds: int) -> None:
    most = 2**64 - n_seeds
    if scenario.simulation.seed > most:
        raise ConfigError(f"{config}: {n_seeds} seeds from {scenario.simulation.seed} on go past the largest, 2^64 - 1")


def _with_seeds(scenario: Scenario, n_seeds: int, words: str, typed: tuple[str, ...]) -> Iterator[Run]:
    """The luck of a seed is the same in every combination."""
    settings = scenario.simulation
    user_days = sum(scenario.n_users_by_archetype) * (settings.days + settings.warm_up_days) + _SAME_AS_PEOPLE
    needs_bytes = estimated_bytes(scenario, writes=True)
    for seed in range(settings.seed, settings.seed + n_seeds):
        one = scenario.model_copy(update={"simulation": settings.model_copy(update={"seed": seed})})
        one.__dict__.pop("config_hash", None)  # of another seed
        text = json.dumps(one.to_dict(), separators=(",", ":"))
        named = ", ".join(part for part in (words, f"seed {seed}") if part)
        yield Run(named, typed, seed, text, one.config_hash, user_days, needs_bytes)


def _words(settings: Sequence[Setting], typed: Sequence[str]) -> str:
    """`population_size=100, charging.strategy=immediate`: what differs between combinations."""
    pairs = zip(settings, typed, strict=True)
    return ", ".join(f"{setting.path}={value}" for setting, value in pairs if len(setting.values) > 1)


def _tell(config: Path, faults: dict[str, list[str]], n_combinations: int) -> None:
    """Raise ConfigError when there are faults: each text once, with the combinations it is about."""
    if not faults:
        return
    n_faulty = sum(map(len, faults.values()))
    if len(faults) == 1 and n_faulty == n_combinations:
        raise ConfigError(next(iter(faults)))
    lines = [f"{config}: {n_faulty:,} of {n_combinations:,} combinations cannot be run, so none was"]
    for text, names in list(faults.items())[:_MOST_FAULTS]:
        lines.append(f"  with {name_some(f'({name})' if ', ' in name else name for name in names)}:")
        lines += [f"    {line}" for line in text.splitlines()]
    if len(faults) > _MOST_FAULTS:
        lines.append(f"  and {len(faults) - _MOST_FAULTS:,} more such messages")
    if any("charging.strategy=" in name for names in faults.values() for name in names):
        lines.append("""  rules that have settings of their own: --set 'charging={"strategy":"immediate"},{...}'""")
    raise ConfigError("\n".join(lines))


def shown_value(text: str) -> object:
    """What a table says of a value that was typed: a number, or text; of null nothing, as of what is not known."""
    value = value_of(text)
    if value is None:
        return math.nan
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else text
