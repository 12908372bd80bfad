"""`python -m evsim verify`: work a proof out again from its rows, and say what does not agree."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evsim._commands.parts import FAILED, told

if TYPE_CHECKING:
    from evsim.market import Verdict

_MOST_TOLD = 5
"""Of one file."""
_WIDTH, _ROOM = 12, 44


@told
def verify_command(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Folders of proofs, or of a run that left some.", show_default=False),
    ],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only what does not agree.")] = False,
) -> None:
    """Verify proofs of dispatches: exit 0 when all agrees, 1 when something does not, 2 when it is no proof."""
    from evsim.market import proofs_in, verify_proof

    folders = [folder for path in paths for folder in proofs_in(path)]
    verdicts = []
    for folder in folders:
        began = time.perf_counter()
        with _bar(quiet=quiet) as update:
            verdict = verify_proof(folder, update)
        verdicts.append(verdict)
        if not (quiet and verdict.agrees):
            _tell(verdict, time.perf_counter() - began)
    n_faulty = sum(not verdict.agrees for verdict in verdicts)
    if len(verdicts) > 1 and not (quiet and not n_faulty):
        typer.echo(f"{len(verdicts):,} proofs: {f'{n_faulty:,} do not agree' if n_faulty else 'all agree'}")
    if n_faulty:
        raise typer.Exit(FAILED)


def _tell(verdict: Verdict, seconds: float) -> None:
    typer.echo(f"{verdict.folder}: dispatch {verdict.dispatch_id}")
    for what, how_much, n_faults in verdict.checked:
        typer.echo(f"  {what:<{_WIDTH}}{how_much:<{_ROOM}}  {_agree(n_faults) if n_faults else 'agree'}")
    if verdict.totals:
        typer.echo(f"  {'comes to':<{_WIDTH}}{_in_words(verdict.totals)}")
    if verdict.manifest_sha256:
        typer.echo(f"  {'manifest':<{_WIDTH}}SHA-256 {verdict.manifest_sha256}")
    took = f"  ({seconds:.1f} s)" if seconds >= 1 else ""
    if verdict.agrees:
        typer.echo(f"  {'verdict':<{_WIDTH}}all agrees{took}")
        return
    n = verdict.n_findings
    typer.echo(f"  {'verdict':<{_WIDTH}}{_agree(n)}{took}")
    by_file: dict[str, list[str]] = {}
    for finding in verdict.findings:
        by_file.setdefault(finding.file, []).append(str(finding))
    n_told = 0
    for texts in by_file.values():
        for text in texts[:_MOST_TOLD]:
            typer.echo(f"    {text}")
            n_told += 1
    if n > n_told:
        typer.echo(f"    and {n - n_told:,} more")


def _agree(n_faults: int) -> str:
    return f"{n_faults:,} thing{'s do' if n_faults > 1 else ' does'} not agree"


def _in_words(totals: dict[str, float | None]) -> str:
    """`delivered 412.3 kWh of 500.0 instructed, 40.11 GBP; 812 took part`."""
    delivered, instructed, paid = (totals.get(key) for key in ("delivered_kwh", "instructed_kwh", "payment_gbp"))
    parts = [f"delivered {delivered or 0:,.1f} kWh" + (f" of {instructed:,.1f} instructed" if instructed else "")]
    parts.append(f"accepted {totals.get('accepted_kwh') or 0:,.1f}")
    parts.append(f"{paid or 0:,.2f} GBP")
    return f"{', '.join(parts)}; {totals.get('n_took_part', 0):,} took part"


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Callable[[float], None] | None]:
    """A bar with time left on a terminal; nothing in a pipe."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
        TimeRemainingColumn(compact=True), console=Console(stderr=True), transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("verifying", total=1.0)
        yield lambda share: bar.update(task, completed=share)
