"""The command line: `python -m evsim run | compare | assets | firm | ...`; `python run_simulator.py` is `run`."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeAlias

import typer

from evsim._commands.assets import assets_command
from evsim._commands.baseline import baseline_command
from evsim._commands.baselines import baselines
from evsim._commands.compare import compare_command
from evsim._commands.firm import firm_command
from evsim._commands.parts import (
    DEFAULT_CONFIG,
    DEFAULT_OUT,
    Config,
    Days,
    Seed,
    Sets,
    StrategyFiles,
    Users,
    overrides,
    progress,
    read,
    told,
    warn,
)
from evsim._commands.sweep import sweep
from evsim._commands.verify import verify_command
from evsim._config.override import Override
from evsim._errors import ConfigError
from evsim._results import Results
from evsim._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from evsim.market import Deliveries

STANDARD_USERS, STANDARD_DAYS = "2000", "364"
"""A validation's: enough people for its error bars, and a year of whole weeks."""

_LOOKS: dict[str, Any] = {
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
app = typer.Typer(
    name="evsim", help="Simulate people who charge electric cars at home.", no_args_is_help=True, **_LOOKS
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"evsim {__version__}")
        raise typer.Exit


Version: TypeAlias = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
]


@app.command()
@told
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
    watch: Annotated[bool, typer.Option("--watch", help="Run again whenever the config is saved.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    version: Version = False,  # noqa: ARG001 - handled by its callback
) -> None:
    """Run a scenario; leave tables and pictures in a folder and print what happened."""
    from evsim._outputs import check_folder

    check_folder(out)
    given = overrides(sets, seed, users, days)
    files = strategy_file or []
    if not watch:
        ran = _run(config, given, files, out, plots=not no_plots, events=not no_events, quiet=quiet)
        if not quiet:
            _report(ran, out)
        return
    from evsim._commands.watch import keep_running, named_files

    n_runs = 0

    def again() -> None:
        nonlocal n_runs
        n_runs += 1
        is_first = n_runs == 1
        ran = _run(config, given, files, out, plots=not no_plots, events=not no_events, quiet=quiet or not is_first)
        if is_first and not quiet:
            _report(ran, out)
        elif not quiet:
            from evsim._reports.run import in_a_line

            typer.echo(f"{time.strftime('%H:%M:%S')} {in_a_line(ran.results)} ({ran.seconds:.1f} s)")

    keep_running(config, lambda: [*files, *named_files(config, given)], again, quiet=quiet)


class _Ran(NamedTuple):
    results: Results
    delivered: Deliveries | None
    written: list[str]
    seconds: float


def _run(
    config: Path, given: list[Override], files: list[Path], out: Path, *, plots: bool, events: bool, quiet: bool
) -> _Ran:
    from evsim._outputs import staged, write_tables
    from evsim._painter import Painter, Subject, draw_run
    from evsim._simulator import simulate

    began = time.perf_counter()
    scenario = read(config, given, files)
    scenario.check_fits(writes=True)
    if not quiet:
        warn(scenario)
    with Painter(draw_run) if plots else nullcontext() as painter, progress(quiet) as update:
        results = simulate(scenario, update)
        delivered = _delivered(results, update) if results.dispatches else None
        with staged(out) as folder:
            if painter is not None:
                painter.begin(Subject.of(results, delivered), folder)
            write_tables(results, folder, events=scenario.outputs.events and events, delivered=delivered)
            if painter is not None:
                painter.finish()
            written = sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir())
    return _Ran(results, delivered, written, time.perf_counter() - began)


def _delivered(results: Results, update: Callable[[int, int], None] | None) -> Deliveries:
    from evsim.market import deliveries

    return deliveries(results, update)


def _report(ran: _Ran, out: Path) -> None:
    from evsim._reports.run import print_report

    print_report(ran.results, out, ran.written, ran.seconds, ran.delivered)


@app.command()
@told
def check(
    config: Config = DEFAULT_CONFIG,
    sets: Sets = None,
    seed: Seed = None,
    users: Users = None,
    days: Days = None,
    strategy_file: StrategyFiles = None,
) -> None:
    """Check a config, and do nothing else."""
    scenario = read(config, overrides(sets, seed, users, days), strategy_file)
    scenario.check_fits(writes=True)
    warn(scenario)
    n, kinds = scenario.population_size, len(scenario.archetypes)
    settings = scenario.simulation
    people = f"{n:,} {'person' if n == 1 else 'people'} in {kinds} archetype{'s' * (kinds > 1)}"
    period = f"{settings.days:,} day{'s' * (settings.days > 1)} from {settings.start:%a %d %b %Y %H:%M}"
    typer.echo(f"{config}: fine ({people}, {period} {settings.timezone})")
    labels = [f"{key.replace('_', ' ')}: {note['label']}" for key, note in scenario.signal_notes.items()]
    if labels:
        typer.echo("; ".join(labels))


app.command("compare")(compare_command)
app.command()(sweep)
app.command("assets")(assets_command)
app.command("firm")(firm_command)
app.command("baseline")(baseline_command)
app.command()(baselines)
app.command("verify")(verify_command)


@app.command()
@told
def validate(
    config: Config = DEFAULT_CONFIG,
    sets: Sets = None,
    seed: Seed = None,
    users: Users = None,
    days: Days = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Compare a run with what was measured elsewhere, and say why they differ."""
    from evsim._reports.validation import print_json, print_validation
    from evsim._simulator import simulate
    from evsim._validation.compare import validate as compare

    if read(config, overrides(sets, seed, None, None), None).recorded is not None:
        raise ConfigError(
            f"{config}: recorded sessions are what archetypes are compared with; validate wants archetypes"
        )
    size = users or STANDARD_USERS, days or STANDARD_DAYS
    scenario = read(config, overrides(sets, seed, *size), None)
    scenario.check_fits()
    warn(scenario)
    with progress(as_json) as update:
        results = simulate(scenario, update)
    (print_json if as_json else print_validation)(results, compare(results))


@app.command()
@told
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
