"""Verify a proof: everything in it is worked out again from its rows, and what does not agree is told.

What verifies shares no arithmetic with what writes: calendar, choice of days, means and sums are written a second time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from evsim._errors import ConfigError
from evsim.market._proof.almanac import Almanac
from evsim.market._proof.checks import Ledger, check_baselines, check_delivered, check_names
from evsim.market._proof.findings import Finding, Findings
from evsim.market._proof.lines import FILES, MANIFEST
from evsim.market._proof.reading import Pages, Update, read_pages
from evsim.market._proof.recompute import Day
from evsim.market._proof.rules import Rules
from evsim.market._proof.served import check_instruction, check_orders

_KB, _MB = 1_000, 1_000_000
PROOFS = "proof"
"""The folder of a run's output in which its proofs lie."""


class Checked(NamedTuple):
    """Something that was worked out again: what, how much of it, and how many things do not agree."""

    what: str
    how_much: str
    n_faults: int


@dataclass
class Verdict:
    """What came of verifying a proof.

    findings : the first of each file of what does not agree; n_findings : how many there are
    checked : what was worked out again; totals : as the manifest has them
    manifest_sha256 : to be compared with the one that was kept outside
    """

    folder: Path
    dispatch_id: str
    findings: list[Finding] = field(default_factory=list)
    n_findings: int = 0
    checked: list[Checked] = field(default_factory=list)
    totals: dict[str, Any] = field(default_factory=dict)
    manifest_sha256: str = ""

    @property
    def agrees(self) -> bool:
        """Whether all does."""
        return not self.n_findings


def proofs_in(path: Path) -> list[Path]:
    """The proofs at a path: itself, those in it, or those in the proof folder of a run. Raises ConfigError."""
    if not path.exists():
        raise ConfigError(f"{path}: not there; give a folder of a proof, as in outputs/proof/evening-1")
    if not path.is_dir():
        raise ConfigError(f"{path}: this is a file; give the folder of the proof that it lies in, {path.parent}")
    if _is_proof(path):
        return [path]
    for place in (path, path / PROOFS):
        if place.is_dir():
            found = [folder for folder in sorted(place.iterdir()) if folder.is_dir() and _is_proof(folder)]
            if found:
                return found
    raise ConfigError(f"{path}: no proof; one has {MANIFEST}, {', '.join(FILES)}")


def _is_proof(folder: Path) -> bool:
    """Whether there is anything of a proof in a folder: one whose files have been taken away is still one."""
    if any((folder / name).exists() for name in FILES):
        return True
    manifest = folder / MANIFEST
    return manifest.is_file() and b'"proof_of"' in manifest.read_bytes()


def verify_proof(folder: Path, update: Update | None = None) -> Verdict:
    """Verify the proof in a folder. update : is told how far it is [0-1]."""
    found = Findings()
    pages = read_pages(folder, found, update)
    verdict = Verdict(folder, folder.name)
    if pages is not None:
        verdict.dispatch_id, verdict.manifest_sha256 = pages.header["proof_of"], pages.manifest_sha256
        verdict.totals = pages.manifest["totals"]
        n_lines = sum(map(len, pages.lines.values()))
        how_much = f"{len(FILES) + 1} with {n_lines:,} lines, {_size(pages.n_bytes)}"
        verdict.checked.append(Checked("hashes", how_much, len(found)))
        if pages.unusable:
            found.add(MANIFEST, None, f"nothing is recomputed: {', '.join(pages.unusable)} cannot be read as a whole")
        else:
            verdict.checked += _counting(_recompute(pages, found, update), found)
    verdict.findings, verdict.n_findings = found.kept, len(found)
    return verdict


def _counting(steps: Iterator[tuple[str, str]], found: Findings) -> Iterator[Checked]:
    """Each step with how much it has found."""
    before = len(found)
    for what, how_much in steps:
        yield Checked(what, how_much, len(found) - before)
        before = len(found)


def _recompute(pages: Pages, found: Findings, update: Update | None) -> Iterator[tuple[str, str]]:
    """Work everything out again, step by step; what was looked at, and how much."""
    header = pages.header
    try:
        almanac = Almanac(header["timezone"], header["holidays"])
        rules = Rules(header["method"], header["n_meters"])
    except ValueError as error:
        found.add(MANIFEST, None, f"nothing is recomputed: {error}")
        return
    periods = check_instruction(pages, almanac, found)
    words = sum(row["row"] == "received" for _, row in pages.rows("instruction.jsonl"))
    yield "instruction", f"{_counted(words, 'word')}, {_counted(len(periods), 'settlement period')}"
    responses = check_names(pages, found)
    yield "responses", f"of {_counted(len(responses), 'meter')}"
    check_orders(pages, responses, found)
    yield "orders", f"{pages.count('orders.jsonl'):,}"
    events = set(header["event_days"])
    days = [
        Day(day, [period.number for period in some], rules, almanac, events)
        for day, some in groupby(periods, key=lambda period: period.day)
    ]
    ledger = Ledger(list(responses), periods)
    if pages.count("delivered.jsonl") != len(responses) + 1:
        return
    n_used = check_baselines(pages, days, ledger, found, update)
    yield "baselines", f"{len(days) * len(responses):,} by {rules.name}, means of {n_used:,} days"
    if len(ledger.nominated) == len(periods):
        check_delivered(pages, ledger, found, clips=rules.clips)
        yield "delivered", f"by {_counted(len(responses), 'meter')} and all together; payment"


def _size(n_bytes: int) -> str:
    return f"{n_bytes / _MB:,.1f} MB" if n_bytes >= _MB else f"{n_bytes / _KB:,.1f} kB"


def _counted(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'s' * (n != 1)}"
