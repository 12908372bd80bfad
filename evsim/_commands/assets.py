"""`python -m evsim assets`: which cars could do what, and on how many days."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evsim._commands.parts import (
    DEFAULT_CONFIG,
    DEFAULT_OUT,
    Days,
    Seed,
    Sets,
    StrategyFiles,
    Users,
    overrides,
    progress,
    read,
    strategies_of,
    told,
    warn,
)
from evsim._config.override import Override
from evsim._errors import ConfigError
from evsim._scenario import Scenario
from evsim._version import __version__

if TYPE_CHECKING:
    from evsim._results import Results
    from evsim.analysis._possible import Possible

ASSETS_FILES = ("assets.csv", "assets.png")
"""All that this may write; it and a run may lie in one folder, and each removes only its own."""
SUMMARY = "summary.json"
_FLAGS = {"for_minutes": "--for", "at": "--from", "soc_at": "--at", "archetypes": "--archetype"}

Source = Annotated[Path, typer.Argument(metavar="[CONFIG|RUN]", help="A scenario, or the folder of a run.")]


@told
def assets_command(
    source: Source = DEFAULT_CONFIG,
    plugged_in_between: Annotated[
        tuple[str, str] | None,
        typer.Option("--plugged-in-between", metavar="FROM TO", help="Plugged in throughout, as in 17:00 19:00."),
    ] = None,
    full_by: Annotated[str | None, typer.Option("--full-by", metavar="TIME", help="At its target then.")] = None,
    can_give_kw: Annotated[
        str | None, typer.Option("--can-give-kw", metavar="KW", help="Can draw so much less, or give it back.")
    ] = None,
    can_take_kw: Annotated[
        str | None, typer.Option("--can-take-kw", metavar="KW", help="Can draw so much more.")
    ] = None,
    for_minutes: Annotated[
        str | None, typer.Option("--for", metavar="MINUTES", help="For how long, as in 60min (the default).")
    ] = None,
    at: Annotated[str | None, typer.Option("--from", metavar="TIME", help="From when, as in 17:00.")] = None,
    still_ready: Annotated[
        bool, typer.Option("--still-ready", help="And reach its target by its expected departure.")
    ] = False,
    soc_above: Annotated[str | None, typer.Option("--soc-above", metavar="PERCENT", help="SoC over this.")] = None,
    soc_at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="When --soc-above holds.")] = None,
    archetypes: Annotated[
        list[str] | None, typer.Option("--archetype", metavar="NAME", help="Only these; may be repeated.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for the results.")] = None,
    sets: Sets = None,
    seed: Seed = None,
    users: Users = None,
    days: Days = None,
    strategy_file: StrategyFiles = None,
    no_plots: Annotated[bool, typer.Option("--no-plots", help="Draw no picture.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Say which cars could do what, on how many days; all that is asked must hold."""
    from evsim._outputs import check_folder, staged
    from evsim._reports.assets import asked_in_a_line, print_assets
    from evsim._simulator import simulate
    from evsim.analysis._assets import answered
    from evsim.analysis._cells import write_csv
    from evsim.analysis._criteria import criteria
    from evsim.analysis._possible import possible

    began = time.perf_counter()
    given = overrides(sets, seed, users, days)
    folder = out or (source if source.is_dir() and not given else DEFAULT_OUT)  # another run is not for its folder
    check_folder(folder)
    scenario = scenario_of(source, given, strategy_file)
    asked = criteria(
        scenario.archetype_names if scenario.recorded is None else scenario.recorded.archetype_names,
        plugged_in_between=plugged_in_between,
        full_by=full_by,
        can_give_kw=can_give_kw,
        can_take_kw=can_take_kw,
        for_minutes=for_minutes,
        at=at,
        still_ready=still_ready,
        soc_above=soc_above,
        soc_at=soc_at,
        archetypes=archetypes or None,
        called=lambda name: _FLAGS.get(name, f"--{name.replace('_', '-')}"),
    )
    scenario.check_fits()
    if not quiet:
        warn(scenario)
    with progress(quiet) as update:
        results = simulate(scenario, update)
    found = answered(results, asked) if asked.sentences else None
    counted = possible(results)
    with staged(folder, ASSETS_FILES) as staging:
        if found is not None:
            write_csv(found.table, staging / "assets.csv")
        if not no_plots:
            _draw(results, counted, "" if found is None else asked_in_a_line(found), staging)
        written = sorted(path.name for path in staging.iterdir())
    if not quiet:
        print_assets(found, counted, folder, written, time.perf_counter() - began)


def _draw(results: Results, counted: Possible, asked: str, folder: Path) -> None:
    from evsim.plots import save_assets

    save_assets(results, counted, asked, folder)


def scenario_of(source: Path, given: list[Override], files: list[Path] | None) -> Scenario:
    """The scenario of a config, or of a run's folder, with settings that replace its own.

    Raises ConfigError, also when the run cannot be simulated again with the same numbers.
    """
    if not source.is_dir():
        return read(source, given, files)
    path = source / SUMMARY
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        config, version, config_hash = (summary[key] for key in ("scenario", "evsim_version", "config_hash"))
    except FileNotFoundError:
        raise ConfigError(f"{source}: no folder of a run, as it has no {SUMMARY}; give one, or a config") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigError(f"{path}: not what a run of evsim leaves; give its config instead") from None
    if version != __version__:
        raise ConfigError(
            f"{path}: written by evsim {version}, and this is {__version__}, whose numbers may differ; run it again"
        )
    strategies = strategies_of(files)
    try:
        scenario = Scenario.from_dict(config, (), strategies)
    except ConfigError as error:
        raise ConfigError(
            f"{path}: cannot be simulated again; has a file moved, or does it want a --strategy-file?\n{error}"
        ) from None
    if scenario.config_hash != config_hash:
        raise ConfigError(f"{path}: what it depends on has changed since (config_hash differs); run it again")
    return Scenario.from_dict(config, given, strategies) if given else scenario
