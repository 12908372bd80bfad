"""The files of a run, written beside and moved into place: a reader never sees half a file."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import signal
import threading
from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evsim._errors import ConfigError, OutputError
from evsim._recorded import rejected_table
from evsim._results import Peak, Results
from evsim._tables import Table
from evsim._units import Anything
from evsim._version import __version__
from evsim.market import bills, has_bills, signal_facts

if TYPE_CHECKING:
    from evsim.market import Deliveries, Delivery, Proof

SCHEMA_VERSION = 1
FILES = (
    "charging_curves.png",
    "power_by_archetype.png",
    "plug_in_times.png",
    "soc_at_plug_in.png",
    "occupancy.png",
    "timeseries.csv",
    "sessions.csv",
    "sessions_rejected.csv",
    "bills.csv",
    "settlement.csv",
    "dispatch_*.png",
    "proof",
    "events.parquet",
    "summary.json",
)
"""All that a run may write, as patterns of names; what a run does not make anew is removed, so that a folder tells of
one run."""

COMPARE_FILES = ("compare_power.png", "compare_costs.png", "compare_night.png", "compare.csv")
"""All that a comparison may write; it and a run may lie in one folder, and each removes only its own."""

_STAGING = ".evsim-writing-"
_OUTDATED = ".outdated"
_ROWS_AT_ONCE = 50_000
_ROW_GROUP = 1 << 20
_DECIMALS = {
    "_p_per_kwh": 4, "_g_per_kwh": 3, "_gbp": 6, "_kg": 5, "_percent": 4, "_kw": 9, "_kwh": 5,
}  # fmt: skip
"""By the end of a column's name: the first that fits. Money to a ten-thousandth of a penny."""


# ---- the folder


def check_folder(folder: Path) -> None:
    """Raise ConfigError when results could not be written to `folder`; nothing is changed on the disk."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: this is a file; give a folder for the results with --out")
    place = folder
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise ConfigError(f"{folder}: nothing can be written there; give another folder with --out")


@contextlib.contextmanager
def staged(folder: Path, as_a_set: Collection[str] = FILES) -> Iterator[Path]:
    """A folder to write into, whose files replace those of `folder` when all went well.

    as_a_set : patterns of names of files and folders that tell of one thing together: those that are not made anew are
    removed
    Raises OutputError when the disk refuses; then, and after any other failure, `folder` is as it was.
    """
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        staging = folder / f"{_STAGING}{os.getpid()}"
        staging.mkdir()
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror}); give another with --out") from error
    try:
        yield staging
        _move(staging, folder, as_a_set)
    except OSError as error:
        raise OutputError(f"{folder}: {error.strerror}; the results there are as they were") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        with contextlib.suppress(OSError):
            for place in new:
                place.rmdir()  # fails, as it should, when the results are in it


def _move(staging: Path, folder: Path, as_a_set: Collection[str]) -> None:
    made = sorted(path.name for path in staging.iterdir())
    old = [path for pattern in as_a_set for path in folder.glob(pattern) if path.name not in made]
    with _uninterrupted():
        for name in made:
            if (folder / name).is_dir():  # a folder is not replaced by another while it holds something
                (folder / name).replace(staging / f"{name}{_OUTDATED}")
            (staging / name).replace(folder / name)
        for path in old:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait for the moving of files, which takes a moment."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[Any] = []
    before = signal.signal(signal.SIGINT, lambda *args: pressed.append(args))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


def _sweep(folder: Path) -> None:
    """Remove what runs that were killed have left behind."""
    left = [path for path in folder.glob(f"{_STAGING}*") if path.is_dir()]
    if left:
        from psutil import pid_exists

        for path in left:
            number = path.name.removeprefix(_STAGING)
            if not number.isdigit() or int(number) == os.getpid() or not pid_exists(int(number)):
                shutil.rmtree(path, ignore_errors=True)


# ---- the files


def write_tables(results: Results, folder: Path, *, events: bool = True, delivered: Deliveries | None = None) -> None:
    """Write timeseries.csv, sessions.csv, summary.json and, if wanted, events.parquet into `folder`.

    delivered : what came of its dispatches, if there are any: then settlement.csv and a proof of each are written too

    Where there are prices or a carbon intensity, bills.csv tells what each user pays and emits. Where real sessions
    are lived again, sessions_rejected.csv tells which rows of their file are not.
    """
    write_csv(results.timeseries, folder / "timeseries.csv")
    write_csv(results.sessions, folder / "sessions.csv")
    if has_bills(results):
        write_csv(bills(results).table, folder / "bills.csv")
    if events:
        write_events(results, folder / "events.parquet")
    if results.scenario.recorded is not None:
        write_csv(Table(rejected_table(results.scenario.recorded)), folder / "sessions_rejected.csv")
    told = summary(results)
    if delivered is not None:
        told["dispatches"] = write_dispatches(delivered, folder)
    text = json.dumps(told, indent=2, ensure_ascii=False)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def write_dispatches(delivered: Deliveries, folder: Path) -> list[dict[str, Any]]:
    """Write settlement.csv, and the proof of each dispatch into proof/; returns what summary.json says of them."""
    from evsim.market import write_proof

    path, told = folder / "settlement.csv", []
    for i, one in enumerate(delivered.each):
        write_csv(one.settlement.table, path, goes_on=i > 0)
        told.append(_dispatch(one, write_proof(folder / "proof", one.evidence)))
    return told


def _dispatch(one: Delivery, proof: Proof) -> dict[str, Any]:
    """A dispatch in `summary.json`."""
    responses = one.evidence.responses
    return {
        "id": one.lived.id,
        "words": list(one.evidence.words),
        "windows": [asdict(window) for window in one.evidence.windows],
        "by_the_twin": one.truth.to_dict(),
        "settled": one.settlement.totals,
        "responses": {label: responses.count(label) for label in sorted(set(responses))},
        "notes": [*one.lived.told.notes, *one.notes],
        "manifest_sha256": proof.manifest_sha256,
    }


def write_csv(table: Table, path: Path, *, goes_on: bool = False) -> None:
    """Write a table as CSV: UTF-8, ISO 8601 UTC, no more decimals than are known, empty where nothing is known.

    goes_on : whether its rows follow those that are there
    """
    with path.open("a" if goes_on else "w", encoding="utf-8", newline="") as file:
        if not goes_on:
            file.write(",".join(table) + "\n")
        for first in range(0, table.n_rows, _ROWS_AT_ONCE):
            columns = [_texts(name, column[first : first + _ROWS_AT_ONCE]) for name, column in table.items()]
            file.write("\n".join(map(",".join, zip(*columns, strict=True))) + "\n")


def _texts(name: str, column: Anything) -> list[str]:
    if column.dtype.kind == "M":
        texts: list[str] = np.datetime_as_string(column, unit="s", timezone="UTC").tolist()
        return ["" if text == "NaT" else text for text in texts]
    values = column.tolist()
    if column.dtype.kind == "f":
        places = next(n for suffix, n in _DECIMALS.items() if name.endswith(suffix))
        shown = {value: _decimal(value, places) for value in set(values)}
    elif column.dtype.kind == "O":
        shown = {value: _quoted(value) for value in set(values)}
    else:
        shown = {value: str(value) for value in set(values)}
    return [shown[value] for value in values]


def _decimal(value: float, places: int) -> str:
    """`3.5`, `0`; empty for NaN.

    A tie is rounded up, and what is a hair under one is a tie: so a sum that was taken in another order, and
    is out by a float64 rounding, is written the same.
    """
    if math.isnan(value):
        return ""
    text = f"{value + 10.0 ** -(places + 3):.{places}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\n\r') else text


def write_events(results: Results, path: Path) -> None:
    """Write the event streams as Parquet."""
    import pyarrow.parquet as pq

    pq.write_table(results.events.to_arrow(), path, compression="zstd", row_group_size=_ROW_GROUP)


def summary(results: Results) -> dict[str, Any]:
    """What `summary.json` holds."""
    scenario, clock = results.scenario, results.clock
    groups = [
        {
            "name": name,
            "users": int(results.n_users[i]),
            "sessions": int(results.n_sessions[i]),
            "import_kwh": float(results.import_kwh[i]),
            "export_kwh": float(results.export_kwh[i]),
            "kwh_per_session": _per(results.import_kwh[i], results.n_sessions[i]),
            "peak": _peak(results, results.peaks[i]),
            "export_peak": _peak(results, results.export_peaks[i]) if results.export_peaks[i].kw else None,
            "portrait": results.portrait[i].to_dict(),
        }
        for i, name in enumerate(results.archetypes)
    ]
    recorded = scenario.recorded
    replay = (
        {}
        if recorded is None
        else {
            "rows": recorded.n_rows,
            "rejected": recorded.n_rejected,
            "users": list(recorded.user_names),
        }
    )
    return {
        "schema_version": SCHEMA_VERSION,
        "evsim_version": __version__,
        "config_hash": scenario.config_hash,
        "seed": scenario.simulation.seed,
        "start_utc": _utc(clock.to_utc(0)),
        "end_utc": _utc(clock.to_utc(clock.end_s)),
        "n_steps": clock.n_steps,
        "archetypes": groups,
        "population": {
            "users": int(results.n_users.sum()),
            "sessions": int(results.n_sessions.sum()),
            "import_kwh": float(results.import_kwh.sum()),
            "export_kwh": float(results.export_kwh.sum()),
            "kwh_per_session": _per(results.import_kwh.sum(), results.n_sessions.sum()),
            "peak": _peak(results, results.peak),
            "export_peak": _peak(results, results.export_peak) if results.export_peak.kw else None,
            "portrait": results.portrait_of_all.to_dict(),
        },
        **_market(results),
        **({"recorded_sessions": replay} if replay else {}),
        "certificate": results.certificate.to_dict(),
        "warnings": list(scenario.warnings),
        "timings": results.timings,
        "scenario": scenario.to_dict(),
    }


def _market(results: Results) -> dict[str, Any]:
    """Bills, and what the prices and the like were; nothing where there are none."""
    signals = {facts.key: facts.to_dict() for facts in signal_facts(results)}
    for name, note in getattr(results.scenario, "signal_notes", {}).items():
        signals[name] = signals.get(name, {}) | note
    told: dict[str, Any] = {"signals": signals} if signals else {}
    if has_bills(results):
        found = bills(results)
        told["bills"] = {
            "archetypes": [bill.to_dict() for bill in found.by_archetype],
            "population": found.total.to_dict(),
        }
    return told


def _per(total: float, count: int) -> float | None:
    return float(total / count) if count else None


def _utc(instant: Anything | np.datetime64) -> str:
    return f"{np.datetime_as_string(instant, unit='s')}Z"


def _peak(results: Results, peak: Peak) -> dict[str, Any]:
    return {"kw": peak.kw, "start_utc": _utc(peak.at), "start_local": results.clock.local_text(peak.at)}
