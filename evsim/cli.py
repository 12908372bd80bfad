"""The command line: `python -m evsim run | check | validate | schema`; `python run_simulator.py` is `run`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, NoReturn, ParamSpec, TypeAlias

import typer

from evsim._errors import ConfigError, EvsimError, StrategyError
from evsim._scenario import Scenario
from evsim._version import __version__

DEFAULT_CONFIG = Path("config_json.json")
DEFAULT_OUT = Path("outputs")
STANDARD_USERS, STANDARD_DAYS = "2000", "364"
"""A validation's: enough people for its error bars, and a year of whole weeks."""
FAULTY, FAILED, INTERRUPTED = 2, 1, 130

Override: TypeAlias = "tuple[str, str] | tuple[str, str, str]"
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

_LOOKS: dict[str, Any] = {
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
app = typer.Typer(
    name="evsim", help="Simulate people who charge electric cars at home.", no_args_is_help=True, **_LOOKS
)
P = ParamSpec("P")


def _told(act: Callable[P, None]) -> Callable[P, None]:
    """A command that tells what goes wrong in one message, and leaves with the exit status that says whose fault."""

    @wraps(act)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            act(*args, **kwargs)
        except (ConfigError, StrategyError) as error:
            _leave(str(error), FAULTY)
        except KeyboardInterrupt:
            _leave("stopped; the results of earlier runs are as they were", INTERRUPTED)
        except BrokenPipeError:
            raise typer.Exit(FAILED) from None
        except (EvsimError, OSError, MemoryError) as error:
            _leave(f"error: {error or type(error).__name__}", FAILED)

    return told


def _leave(message: str, status: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(status)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"evsim {__version__}")
        raise typer.Exit


Version: TypeAlias = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
]


@app.command()
@_told
def run(
    config: Config = DEFAULT_CONFIG,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.")] = DEFAULT_OUT,
    sets: Sets = None,
    seed: Seed = None,
    users: Users = None,
    days: Days = None,
    strategy_file: StrategyFiles = None,
    no_plots: Annotated[bool, typer.Option("--no-plots", help="Draw no pictures.")] = False,
    no_events: Annotated[bool, typer.Option("--no-events", help="Write no events.parquet.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    version: Version = False,  # noqa: ARG001 - handled by its callback
) -> None:
    """Run a scenario; leave tables and pictures in a folder and print what happened."""
    from evsim._outputs import check_folder, staged, write_tables
    from evsim._painter import Painter
    from evsim._simulator import simulate

    began = time.perf_counter()
    check_folder(out)
    scenario = _read(config, _overrides(sets, seed, users, days), strategy_file)
    scenario.check_fits(writes=True)
    if not quiet:
        _warn(scenario)
    with nullcontext() if no_plots else Painter() as painter, _progress(quiet) as progress:
        results = simulate(scenario, progress)
        with staged(out) as folder:
            if painter is not None:
                painter.begin(results, folder)
            write_tables(results, folder, events=scenario.outputs.events and not no_events)
            if painter is not None:
                painter.finish()
            written = sorted(path.name for path in folder.iterdir())
    if not quiet:
        from evsim._report import print_report

        print_report(results, out, written, time.perf_counter() - began)


@app.command()
@_told
def check(
    config: Config = DEFAULT_CONFIG,
    sets: Sets = None,
    seed: Seed = None,
    users: Users = None,
    days: Days = None,
    strategy_file: StrategyFiles = None,
) -> None:
    """Check a config, and do nothing else."""
    scenario = _read(config, _overrides(sets, seed, users, days), strategy_file)
    scenario.check_fits(writes=True)
    _warn(scenario)
    n, kinds = scenario.population_size, len(scenario.archetypes)
    settings = scenario.simulation
    people = f"{n:,} {'person' if n == 1 else 'people'} in {kinds} archetype{'s' * (kinds > 1)}"
    period = f"{settings.days:,} day{'s' * (settings.days > 1)} from {settings.start:%a %d %b %Y %H:%M}"
    typer.echo(f"{config}: fine ({people}, {period} {settings.timezone})")


@app.command()
@_told
def validate(
    config: Config = DEFAULT_CONFIG,
    sets: Sets = None,
    seed: Seed = None,
    users: Users = None,
    days: Days = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Compare a run with what was measured elsewhere, and say why they differ."""
    from evsim._simulator import simulate
    from evsim._validation.compare import validate as compare
    from evsim._validation_report import print_json, print_validation

    if _read(config, _overrides(sets, seed, None, None), None).recorded is not None:
        raise ConfigError(
            f"{config}: recorded sessions are what archetypes are compared with; validate wants archetypes"
        )
    size = users or STANDARD_USERS, days or STANDARD_DAYS
    scenario = _read(config, _overrides(sets, seed, *size), None)
    scenario.check_fits()
    _warn(scenario)
    with _progress(as_json) as progress:
        results = simulate(scenario, progress)
    (print_json if as_json else print_validation)(results, compare(results))


@app.command()
@_told
def schema() -> None:
    """Print the JSON Schema of the config."""
    from evsim._config.schema import schema_text

    typer.echo(schema_text(), nl=False)


@app.callback()
def _main(version: Version = False) -> None:
    """Simulate people who charge electric cars at home."""


def main(arguments: list[str] | None = None) -> None:
    """`python -m evsim`: run the command line and leave with its exit status."""
    app(arguments)


def main_run(arguments: list[str] | None = None) -> None:
    """`python run_simulator.py`: the same as `python -m evsim run`."""
    alone = typer.Typer(**_LOOKS)
    alone.command()(run)
    alone(arguments)


def _overrides(sets: list[str] | None, seed: str | None, users: str | None, days: str | None) -> list[Override]:
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


def _read(config: Path, overrides: list[Override], files: list[Path] | None) -> Scenario:
    if not files:
        return Scenario.from_file(config, overrides)
    from evsim.strategies import BUILT_IN, load_strategies

    strategies = dict(BUILT_IN)
    for file in files:
        for name, rule in load_strategies(file).items():
            if name in strategies:
                raise StrategyError(f"{file}: there is a strategy {name!r} already; give yours another name")
            strategies[name] = rule
    return Scenario.from_file(config, overrides, strategies)


def _warn(scenario: Scenario) -> None:
    for text in scenario.warnings:
        typer.echo(f"note: {text}", err=True)


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar with time left on a terminal; nothing in a pipe."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from evsim._report import progress_bar

    with progress_bar() as update:
        yield update
