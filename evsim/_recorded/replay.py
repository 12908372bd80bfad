"""A config with `sessions` becomes one with archetypes, dates and a population that say what the file holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from pydantic_core import ValidationError

from evsim._config.override import ARCHETYPES, SESSIONS
from evsim._config.parts import DEFAULT_TIMEZONE, MOST_DAYS, Battery
from evsim._recorded.read import FaultySessionsError, read_sessions
from evsim._recorded.sessions import RecordedSessions
from evsim._recorded.settings import NO_ARCHETYPES, Sessions
from evsim._recorded.stand_in import stand_ins
from evsim._typed_in.faults import Fault, faults_of, show
from evsim._typed_in.settings import attempt, part_of
from evsim._typed_in.values import as_number, as_start, as_timezone, as_whole, gap_at, show_start

COLUMNS = "columns"
_DAY = dt.timedelta(days=1)

T = TypeVar("T")


def resolve(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The config with what its sessions imply, ready to be validated; and what is wrong with them.

    With a fault the archetypes are `NO_ARCHETYPES`, of whom nothing more is to be said.
    """
    config = {key: value for key, value in given.items() if key != COLUMNS}
    typed = config.pop(SESSIONS, None)
    if typed is None:
        stray = [Fault((COLUMNS,), "only goes with sessions")] if COLUMNS in given else []
        return config, stray
    faults = []
    if config.get(ARCHETYPES) is not None:
        faults.append(Fault((SESSIONS,), "stands beside archetypes; give one of the two"))
    typed, is_beside, doubled = _with_columns(typed, given.get(COLUMNS))
    faults += doubled
    config[ARCHETYPES] = NO_ARCHETYPES
    try:
        sessions = Sessions.model_validate(typed)
        if faults:
            return config, faults
        zone = _or(attempt(as_timezone, part_of(config.get("simulation"), "timezone")), DEFAULT_TIMEZONE)
        recorded = read_sessions(sessions, sessions.timezone or zone, _efficiency(config))
    except ValidationError as error:
        found = faults_of(error, Sessions)
    except FaultySessionsError as error:
        found = error.faults
    else:
        config[SESSIONS] = sessions.with_recorded(recorded)
        config[ARCHETYPES] = stand_ins(recorded, zone, _efficiency(config))
        return config, [*_settle_population(config, recorded), *_settle_dates(config, recorded, zone)]
    return config, [*faults, *(_placed(fault, is_beside=is_beside) for fault in found)]


def _with_columns(typed: Any, beside: Any) -> tuple[Any, bool, list[Fault]]:
    """The sessions with the columns that stand beside them, and whether there are any."""
    if beside is None:
        return typed, False, []
    inner = {"file": typed} if isinstance(typed, str) else typed
    if part_of(inner, COLUMNS):
        return typed, False, [Fault((COLUMNS,), "stands inside sessions too; keep one")]
    return ({**inner, COLUMNS: beside} if isinstance(inner, Mapping) else typed), True, []


def _placed(fault: Fault, *, is_beside: bool) -> Fault:
    """A fault within the sessions, where it was written."""
    outside = is_beside and fault.path[:1] == (COLUMNS,)
    return fault._replace(path=fault.path if outside else (SESSIONS, *fault.path))


def _or(value: T | None, default: T) -> T:
    return default if value is None else value


def _efficiency(config: Mapping[str, Any]) -> float:
    """That of the config; its faults are told where it is validated."""
    field = Battery.model_fields["charging_efficiency"]
    found = attempt(as_number, part_of(config.get("battery"), "charging_efficiency"))
    return found if found is not None and 0 < found <= 1 else float(field.default)


def _settle_population(config: dict[str, Any], recorded: RecordedSessions) -> list[Fault]:
    """The population is the file's users."""
    typed = config.get("population_size")
    config["population_size"] = recorded.n_users
    if typed is None or attempt(as_whole, typed) == recorded.n_users:
        return []
    text = f"{show(typed)}, but the sessions are those of {recorded.n_users:,} users; leave population_size out"
    return [Fault(("population_size",), text)]


def _settle_dates(config: dict[str, Any], recorded: RecordedSessions, zone: str) -> list[Fault]:
    """Start, days and warm-up that cover the file, where they are not typed."""
    typed = config.get("simulation")
    if isinstance(typed, BaseModel):
        typed = {key: getattr(typed, key) for key in typed.model_fields_set}
    if not isinstance(typed, Mapping | None):
        return []
    typed = dict(typed or {})
    first, last = (_local(int(at), zone) for at in (recorded.plug_in_s.min(), recorded.plug_out_s.max()))
    midnight = dt.datetime.combine(first, dt.time())
    typed.setdefault("start", show_start(gap_at(midnight, zone) or midnight))
    typed.setdefault("warm_up_days", 0)
    config["simulation"] = typed
    start = attempt(as_start, typed["start"])
    if "days" in typed or start is None:
        return []
    end = dt.datetime.combine(last, dt.time())
    end += _DAY if last > end else dt.timedelta()
    days = max(1, -((start - end) // _DAY))
    typed["days"] = min(days, MOST_DAYS)
    if days <= MOST_DAYS:
        return []
    text = f"from {first:%Y-%m-%d} to {last:%Y-%m-%d} are {days:,} days; give simulation.start and simulation.days"
    return [Fault((SESSIONS,), text)]


def _local(at_s: int, zone: str) -> dt.datetime:
    """An instant by the wall clock."""
    return dt.datetime.fromtimestamp(at_s, ZoneInfo(zone)).replace(tzinfo=None)
