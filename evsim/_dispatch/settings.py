"""A dispatch as it is typed, or as a virtual power plant's interface tells it: the settings."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from evsim._clock import epoch_s
from evsim._typed_in.faults import Fault, did_you_mean, show, told_fault, typed_fault
from evsim._typed_in.settings import Percent, Plain, Settings, attempt, setting
from evsim._typed_in.values import as_name, gap_at, in_unit

Action: TypeAlias = Literal["discharge", "turn_down", "turn_up"]

MOST_KW = 1e9
MOST_NOTICE_MINUTES = 14 * 24 * 60
MOST_ID = 60
_ACTION_OF = {"export": "discharge", "import": "turn_up"}
_TOLD_AS = {"start_time": "start", "end_time": "end"}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DATE_WITH_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_YEARS = 1971, 2099


def as_moment(given: Any) -> dt.datetime:
    """An instant: by the local clock, or with an offset, and then it is UTC."""
    moment = given
    if isinstance(given, str):
        try:
            moment = dt.datetime.fromisoformat(given.strip()) if _DATE_WITH_TIME.match(given.strip()) else None
        except ValueError:
            moment = None
    if not isinstance(moment, dt.datetime):
        raise typed_fault(
            f'{show(given)} is not a date with a time; write "2026-01-14T17:00" by the local clock, or with an offset, '
            'as in "2026-01-14T17:00Z"'
        )
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise typed_fault(f"{show(given)} is outside the years {_YEARS[0]}-{_YEARS[1]}")
    if moment.microsecond:
        raise typed_fault(f"{show(given)} is not on a whole second")
    return moment if moment.tzinfo is None else moment.astimezone(dt.UTC)


def show_moment(moment: dt.datetime) -> str:
    """`2026-01-14T17:00`, and `...Z` for UTC."""
    text = moment.replace(tzinfo=None).isoformat(timespec="seconds" if moment.second else "minutes")
    return text if moment.tzinfo is None else f"{text}Z"


def utc_s(moment: dt.datetime, zone: ZoneInfo) -> int:
    """The instant [s since 1970]; of a local time that comes twice the first."""
    return epoch_s(moment, zone) if moment.tzinfo is None else round(moment.timestamp())


def _as_id(given: Any) -> str:
    name = as_name(given)
    if len(name) > MOST_ID or not _ID.fullmatch(name) or name.endswith("."):
        raise typed_fault(
            f"{show(name)} names a folder: up to {MOST_ID} letters, digits, - and _ (and points inside), as in "
            '"evening-1"'
        )
    return name


def _as_action(given: Any) -> str:
    options = ("discharge", "turn_down", "turn_up")
    plain = given.strip().casefold().replace("-", "_").replace(" ", "_") if isinstance(given, str) else given
    if plain not in options:
        raise told_fault(f"{show(given)} is no action; there are {', '.join(map(show, options))}")
    return str(plain)


Moment: TypeAlias = Annotated[
    dt.datetime,
    BeforeValidator(as_moment),
    PlainSerializer(show_moment, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d"}),
]
_GivenMoment: TypeAlias = Moment | None
_GivenTarget: TypeAlias = Annotated[float, Field(gt=0, le=MOST_KW), BeforeValidator(in_unit("kW"))] | None
_Minutes: TypeAlias = Annotated[float, BeforeValidator(in_unit("min"))]
_Id: TypeAlias = Annotated[str, BeforeValidator(_as_id)]


class Dispatch(Settings):
    """An instruction to the fleet over a window."""

    id: _Id = setting("What it is called; its proof lies in a folder of this name.", "text", min_length=1)
    start: Moment = setting("When it begins, by the local clock (with an offset: UTC).", "time")
    end: Moment = setting("When it ends.", "time")
    action: Annotated[Action, BeforeValidator(_as_action)] = setting(
        "discharge (V2G cars give back), turn_down (cars draw less) or turn_up (cars draw more).", "choice"
    )
    target_kw: _GivenTarget = setting(
        "How much less (or more) than without it the fleet shall draw, and no more. Left out: as much as can be.",
        "kW",
        None,
    )
    notice_minutes: _Minutes = setting(
        "How long before its start the fleet knows of it, and prepares.", "min", 120, ge=0, le=MOST_NOTICE_MINUTES
    )
    archetypes: tuple[Annotated[str, BeforeValidator(as_name)], ...] | None = setting(
        "Whose cars are asked. Left out: everybody's.", "names", None, min_length=1
    )
    opt_out_percent: Percent = setting("Share of people who have opted out of it.", "%", 0, ge=0, le=100)
    pence_per_kwh: Plain = setting("What is paid for each kWh that counts.", "p/kWh", 0, ge=-1e6, le=1e6)
    updated_at: _GivenMoment = setting(
        "When this word of it was given: of several with one id the latest stands.", "time", None
    )
    cancelled_at: _GivenMoment = setting("When it was called off.", "time", None)

    @classmethod
    def prepare(cls, given: Any, context: Any) -> tuple[Any, list[Fault]]:  # noqa: ARG003 - not every part needs it
        """One that a virtual power plant's interface tells, under the settings' names."""
        if not isinstance(given, Mapping) or not ({"start_time", "import_export"} & given.keys()):
            return given, []
        row = {_TOLD_AS.get(key, key): value for key, value in given.items() if key != "import_export"}
        way, faults = given.get("import_export"), []
        action = _ACTION_OF.get(way) if isinstance(way, str) else None
        faults += [
            Fault((theirs,), f"{show(ours)} says that too; leave one of them out")
            for theirs, ours in (*_TOLD_AS.items(), ("import_export", "action"))
            if theirs in given and ours in given
        ]
        if action is None and "action" not in row:
            faults.append(Fault(("import_export",), f'{show(way)} is neither "export" nor "import"'))
        row.setdefault("action", action or "discharge")
        begins = attempt(as_moment, row.get("start"))
        if "id" not in row and begins is not None:
            row["id"] = f"{way if action else 'event'}-{begins:%Y-%m-%dT%H%M}"
        return row, faults

    @classmethod
    def cross_check(cls, given: Any) -> Iterable[Fault]:
        """A window has a length; whether local times exist is told where the zone is known."""
        start, end = (attempt(as_moment, given.get(key)) for key in ("start", "end"))
        if start is not None and end is not None and (start.tzinfo is None) == (end.tzinfo is None) and end <= start:
            yield Fault(("end",), f"{show(show_moment(end))} is not after the start, {show(show_moment(start))}")


MOMENTS = ("start", "end", "updated_at", "cancelled_at")


def unfit_dispatches(dispatches: Iterable[Dispatch], timezone: str, archetypes: Iterable[str]) -> Iterable[Fault]:
    """Faults of dispatches that are fine by themselves."""
    zone, known = ZoneInfo(timezone), list(archetypes)
    said: dict[str, dict[int | None, int]] = {}
    for i, one in enumerate(dispatches):
        at: tuple[str | int, ...] = ("dispatches", i)
        yield from _clockless(one, at, timezone)
        if utc_s(one.end, zone) <= utc_s(one.start, zone):
            yield Fault((*at, "end"), f"{show(show_moment(one.end))} is not after the start on the clock of {timezone}")
        for name in one.archetypes or ():
            if name not in known:
                yield Fault((*at, "archetypes"), f"no archetype {show(name)}{did_you_mean(name, known)}")
        stamp = None if one.updated_at is None else utc_s(one.updated_at, zone)
        others = said.setdefault(one.id, {})
        if stamp in others:
            yield Fault(
                (*at, "id"),
                f"{show(one.id)} is dispatches[{others[stamp]}] too; an edit has a later updated_at, another "
                "dispatch another id",
            )
        others.setdefault(stamp, i)
    folded: dict[str, str] = {}
    for i, one in enumerate(dispatches):
        if folded.setdefault(one.id.casefold(), one.id) != one.id:
            yield Fault(
                ("dispatches", i, "id"),
                f"{show(one.id)} differs from {show(folded[one.id.casefold()])} only in capitals; both name a folder",
            )


def _clockless(one: Dispatch, at: tuple[str | int, ...], timezone: str) -> Iterable[Fault]:
    """Local times that the clocks skip."""
    for key in MOMENTS:
        moment: dt.datetime | None = getattr(one, key)
        if moment is None or moment.tzinfo is not None:
            continue
        shown = gap_at(moment, timezone)
        if shown is not None:
            yield Fault(
                (*at, key),
                f"{show(show_moment(moment))} does not exist in {timezone}: clocks go forward over it; write "
                f"{show(show_moment(shown))}",
            )
