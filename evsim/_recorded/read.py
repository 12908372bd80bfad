"""From a file of real sessions to the ones that are lived again."""

from __future__ import annotations

from pathlib import Path

from evsim._recorded.headers import find_columns
from evsim._recorded.judge import judge
from evsim._recorded.people import people_of
from evsim._recorded.rows import Recorded, read_rows
from evsim._recorded.sessions import RecordedSessions
from evsim._recorded.settings import Sessions
from evsim._recorded.table import open_table
from evsim._typed_in.faults import Fault, show
from evsim._typed_in.files import CannotReadError, read_bytes

MOST_BYTES = 1_000_000_000
"""Some ten million sessions; what is larger does not fit a laptop's memory when it is laid out."""
MOST_KINDS = 200
"""Each kind of people is a panel and a line of the tables; thousands are users in the wrong column."""
_MOST_TOLD = 3


class FaultySessionsError(Exception):
    """A file of sessions cannot be used as a whole; `faults` say why, their paths within `sessions`."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(*(fault.text for fault in faults))
        self.faults = faults


def read_sessions(sessions: Sessions, timezone: str, efficiency: float) -> RecordedSessions:
    """The sessions of a file, judged. Raises FaultySessionsError when there is nothing to go on with.

    timezone : where times without an offset are local; efficiency : of charging [0-1]
    """
    name = show(Path(sessions.file).name or sessions.file)
    try:
        data, digest = _file(sessions)
        table = open_table(data)
        columns, faults = find_columns(table.headers, sessions.mapped())
        if faults:
            raise FaultySessionsError([Fault(path, f"{name} line {table.header_line}: {t}") for path, t, _ in faults])
        rows = read_rows(table, columns)
    except CannotReadError as error:
        raise FaultySessionsError([Fault((), f"{name}: {error}")]) from None
    n_kinds = len(set(rows.archetype[rows.is_fine].tolist()))
    if n_kinds > MOST_KINDS:
        text = f"{name}: {show(columns['archetype'].header)} names {n_kinds:,} kinds of people; at most {MOST_KINDS}"
        raise FaultySessionsError([Fault(("columns", "archetype"), f"{text} are allowed; is it a column of users?")])
    kept = judge(rows, columns, timezone, sessions.charger_kw, efficiency)
    rows.rejected.sort()
    if not len(kept.row):
        raise FaultySessionsError([Fault((), _nothing_left(name, rows))])
    people = people_of(rows, kept, sessions, efficiency, readable(sessions.file))
    in_order = (people.user.argsort(kind="stable"),)
    row = kept.row[in_order]
    return RecordedSessions(
        user=people.user[in_order],
        plug_in_s=kept.plug_in_s[in_order],
        plug_out_s=kept.plug_out_s[in_order],
        energy_kwh=rows.number["energy_kwh"][row],
        soc=rows.number["soc_percent"][row] / 100,
        line=rows.line[row],
        user_names=tuple(rows.user_names[i] for i in people.code.tolist()),
        archetype=people.archetype,
        archetype_names=people.archetype_names,
        battery_kwh=people.battery_kwh,
        charger_kw=people.charger_kw,
        rejected=tuple(rows.rejected),
        n_rows=len(rows.line),
        n_batteries_enlarged=people.n_batteries_enlarged,
        n_chargers_estimated=people.n_chargers_estimated,
        sha256=digest,
    )


def _file(sessions: Sessions) -> tuple[bytes, str]:
    """The file's bytes and their SHA-256."""
    from hashlib import sha256

    data = read_bytes(sessions.file, MOST_BYTES)
    digest = sha256(data).hexdigest()
    if sessions.sha256 not in (None, digest):
        raise CannotReadError('has changed since "sha256" was noted; remove that setting to take it as it is')
    return data, digest


def readable(file: str) -> str:
    """What a file's people are called: `Norway sessions` for `norway_sessions.csv`."""
    words = " ".join(Path(file).stem.replace("_", " ").replace("-", " ").split())[:80].strip()
    return words[:1].upper() + words[1:] or "Sessions"


def _nothing_left(name: str, rows: Recorded) -> str:
    """Every row is left out: how many, and why the first ones are."""
    told = "; ".join(f"line {row.line}: {row.text}" for row in rows.rejected[:_MOST_TOLD])
    more = f"; and {len(rows.rejected) - _MOST_TOLD:,} more" if len(rows.rejected) > _MOST_TOLD else ""
    return f"{name} has no session that can be used: {told}{more}"
