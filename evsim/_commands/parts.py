"""What the commands share: their options, how a config is read, and how it is told what goes wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, NoReturn, ParamSpec, TypeAlias

import typer

from evsim._config.charging import Strategies
from evsim._config.override import Override
from evsim._errors import ConfigError, EvsimError, StrategyError
from evsim._scenario import Scenario

DEFAULT_CONFIG = Path("config_json.json")
DEFAULT_OUT = Path("outputs")
FAULTY, FAILED, INTERRUPTED = 2, 1, 130
"""Exit statuses."""

Config: TypeAlias = Annotated[Path, typer.Argument(help="The scenario to run.", show_default=True)]
Sets: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change one setting, as in simulation.days=3."),
]
Seed: TypeAlias = Annotated[str | None, typer.Option("--seed", metavar="N", help="Another luck.")]
Users: TypeAlias = Annotated[str | None, typer.Option("--users", metavar="N", help="How many people.")]
Days: TypeAlias = Annotated[str | None, typer.Option("--days", metavar="N", help="How many days.")]
StrategyFiles: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--strategy-file",
        metavar="FILE.py",
        help="Python file with charging strategies of your own; it is run.",
    ),
]

P = ParamSpec("P")


def told(act: Callable[P, None]) -> Callable[P, None]:
    """A command that tells what goes wrong in one message, and leaves with the exit status that says whose fault."""

    @wraps(act)
    def acting(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            act(*args, **kwargs)
        except (ConfigError, StrategyError) as error:
            _leave(str(error), FAULTY)
        except KeyboardInterrupt as stop:
            _leave(str(stop) or "stopped; the results of earlier runs are as they were", INTERRUPTED)
        except BrokenPipeError:
            raise typer.Exit(FAILED) from None
        except (EvsimError, OSError, MemoryError) as error:
            _leave(f"error: {error or type(error).__name__}", FAILED)

    return acting


def _leave(message: str, status: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(status)


def overrides(sets: list[str] | None, seed: str | None, users: str | None, days: str | None) -> list[Override]:
    """The settings that options replace, in order. Raises ConfigError."""
    named = {"seed": "simulation.seed", "users": "population_size", "days": "simulation.days"}
    found: list[Override] = []
    for text in sets or []:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise ConfigError(f"--set {text}: write a setting and its value, as in --set simulation.days=3")
        found.append((path.strip(), value))
    for flag, typed in (("seed", seed), ("users", users), ("days", days)):
        if typed is not None:
            found.append((named[flag], typed, f"--{flag} {typed}"))
    return found


def read(config: Path, given: list[Override], files: list[Path] | None) -> Scenario:
    """The scenario of a file, with settings that replace its own. Raises ConfigError and StrategyError."""
    return Scenario.from_file(config, given, strategies_of(files))


def strategies_of(files: list[Path] | None) -> Strategies | None:
    """What configs may name when there are strategy files; None is evsim's own. Raises StrategyError."""
    if not files:
        return None
    from evsim.strategies._files import load_all

    return load_all(files)


def warn(scenario: Scenario) -> None:
    """Tell what is probably not meant."""
    for text in scenario.warnings:
        typer.echo(f"note: {text}", err=True)


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar with time left on a terminal; nothing in a pipe."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from evsim._reports.run import progress_bar

    with progress_bar() as update:
        yield update
