"""A proof on the disk: a folder of JSON Lines and a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from evsim._version import __version__
from evsim.market._proof.evidence import TOOK_PART, Evidence
from evsim.market._proof.lines import (
    FILES,
    MANIFEST,
    SCHEMA_VERSION,
    digest,
    genesis_of,
    manifest_text,
    write_lines,
)
from evsim.market._proof.methods import settings_of
from evsim.market._proof.rows import baseline_rows, delivered_rows, instruction_rows, meter_rows, order_rows
from evsim.market._windows import seconds_of, utc_text

_ROWS = dict(zip(FILES, (instruction_rows, order_rows, meter_rows, baseline_rows, delivered_rows), strict=True))


class Proof(NamedTuple):
    """A proof that was written.

    folder : where; manifest_sha256 : of manifest.json, to be kept outside: who holds it finds a proof written anew
    """

    folder: Path
    manifest_sha256: str


def write_proof(folder: Path, evidence: Evidence) -> Proof:
    """Write the proof of a dispatch into a new folder of its name within `folder`. Same evidence, same bytes."""
    place = folder / evidence.dispatch_id
    place.mkdir(parents=True)
    header = {
        "proof_of": evidence.dispatch_id,
        "schema_version": SCHEMA_VERSION,
        "evsim_version": __version__,
        "config_hash": evidence.config_hash,
        "timezone": evidence.readings.timezone,
        "holidays": evidence.holidays,
        "closed_utc": utc_text(seconds_of(evidence.closed_utc)),
        "n_meters": len(evidence.assets),
        "method": settings_of(evidence.method),
        "event_days": sorted(evidence.event_days),
    }
    genesis = genesis_of(header)
    files = [write_lines(place / name, rows(evidence), genesis)._asdict() for name, rows in _ROWS.items()]
    n_took_part = sum(response == TOOK_PART for response in evidence.responses)
    totals = {"n_took_part": n_took_part, **evidence.settlement.totals}
    text = manifest_text({"header": header, "sha256_of_header": genesis, "files": files, "totals": totals})
    (place / MANIFEST).write_bytes(text)
    return Proof(place, digest(text))
