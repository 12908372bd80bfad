"""`python -m evsim compare`: the same people, days and luck under several charging rules, or several configs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
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
    strategies_of,
    told,
    warn,
)
from evsim._config.override import Override
from evsim._errors import ConfigError
from evsim._scenario import Scenario
from evsim.strategies import BUILT_IN

if TYPE_CHECKING:
    from evsim.analysis import Variant


@told
def compare_command(
    configs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[CONFIG]...", help="One config for several strategies, or several.", show_default=False
        ),
    ] = None,
    strategies: Annotated[
        str | None,
        typer.Option(
            "--strategies",
            metavar="A,B+KEY=VALUE,...",
            help='Rules to compare, as in immediate,scheduled+window=["00:30","05:30"],as_configured.',
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.")] = DEFAULT_OUT,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="Over how many lucks to average.")] = 1,
    sets: Sets = None,
    seed: Seed = None,
    users: Users = None,
    days: Days = None,
    strategy_file: StrategyFiles = None,
    no_plots: Annotated[bool, typer.Option("--no-plots", help="Draw no pictures.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Compare charging rules, or configs: what they cost, emit and ask of the network, with the same luck for all."""
    from evsim._outputs import COMPARE_FILES, check_folder, staged
    from evsim._painter import Painter, draw_comparison
    from evsim._reports.compare import print_comparison, progress_over_runs

    began = time.perf_counter()
    check_folder(out)
    with nullcontext() if no_plots else Painter(draw_comparison) as painter:
        from evsim.analysis import compare
        from evsim.analysis._cells import write_csv

        changes = overrides(sets, seed, users, days)
        variants, notes = _variants(configs or [DEFAULT_CONFIG], strategies, changes, strategy_file)
        for variant in variants:
            variant.scenario.check_fits(writes=True)
        if not quiet:
            warn(variants[0].scenario)
            for note in notes:
                typer.echo(f"note: {note}", err=True)
        with progress_over_runs(quiet=quiet) as update:
            comparison = compare(variants, seeds, update)
        with staged(out, COMPARE_FILES) as folder:
            if painter is not None:
                painter.begin(comparison, folder)
            write_csv(comparison.table, folder / "compare.csv")
            if painter is not None:
                painter.finish()
            written = sorted(path.name for path in folder.iterdir())
    if not quiet:
        print_comparison(comparison, out, written, time.perf_counter() - began)


def _variants(
    configs: Sequence[Path], strategies: str | None, changes: list[Override], files: list[Path] | None
) -> tuple[list[Variant], list[str]]:
    """What is compared, the first being what the others are compared with; and notes."""
    from evsim.analysis import Variant, strategy_variants

    known = strategies_of(files) or BUILT_IN
    if len(configs) == 1:
        variants, notes = strategy_variants(
            strategies, lambda more: Scenario.from_file(configs[0], [*changes, *more], known), known
        )
        return variants, [*_not_used(changes, variants), *notes]
    if strategies is not None:
        raise ConfigError(
            f"--strategies: rules are compared on one config, and there are {len(configs)}; leave out --strategies, "
            "or all configs but one"
        )
    first = Scenario.from_file(configs[0], changes, known)
    luck = ("simulation.seed", str(first.simulation.seed))
    others = [Scenario.from_file(config, [*changes, luck], known) for config in configs[1:]]
    return [Variant(n, s) for n, s in zip(_names(configs), (first, *others), strict=True)], []


def _not_used(changes: Sequence[Override], variants: Sequence[Variant]) -> list[str]:
    """A note when --set names a rule that none of the variants is."""
    typed = [change[1].strip() for change in changes if change[0] == "charging.strategy"]
    rules = {variant.name.partition("+")[0].strip() for variant in variants}
    if not typed or {typed[-1].strip('"'), "as_configured"} & rules:
        return []
    return [f'--set charging.strategy={typed[-1]}: not used; to compare that rule too, name "as_configured"']


def _names(configs: Sequence[Path]) -> list[str]:
    """What configs are called: their files without ending, or their whole paths where those are alike."""
    stems = [config.stem for config in configs]
    names = stems if len(set(stems)) == len(stems) else [str(config) for config in configs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f"{twice}: given twice; a config is compared with others")
    return names
