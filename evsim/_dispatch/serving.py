"""Who delivers a dispatch within its window, until the next decision."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evsim._dispatch.office import Office, Round
from evsim._dispatch.ranges import CANNOT, Range, charged_kw, may_matter, range_of
from evsim._dispatch.record import Note, Response
from evsim._dispatch.seen import LEAST_KW, SOC_ROUNDING, Call, Seen
from evsim._dispatch.settings import Action
from evsim._dispatch.shadows import Plan
from evsim._units import Bools, Floats, rows_where
from evsim.strategies._fleet import exact_sum
from evsim.strategies._parts import Talk


class _Team(NamedTuple):
    """Cars that come into question.

    part : the cars; is_mine : (m,) held for the call already; plan : of the free ones by their rules
    could : what they could do; refills : (m,) let go, because they have to charge; refill_kw : (m,) with which power
    """

    part: Seen
    is_mine: Bools
    plan: Plan
    could: Range
    refills: Bools
    refill_kw: Floats


def serve(office: Office, call: Call, now: Round) -> Talk[None]:
    """Decide who delivers. Cars that are held for the call stay so; those of one that has ended are taken over."""
    held, seen = office.held, now.seen
    asked, is_out = office.is_asked(call, seen)
    is_busy, comes = asked & now.is_taken, asked & ~is_out & ~now.is_taken
    is_ours = (held.dispatch(seen.who) == call.dispatch) | now.is_orphan
    matters = comes & (is_ours | may_matter(call.word.action, seen.cars))
    rows = rows_where(matters)
    team = _team(office, call, seen.of(rows), is_ours[rows])
    granted_kw = yield from _granted_kw(office, call, team)
    now.take(rows[team.is_mine | (granted_kw > LEAST_KW)])
    _send(office, call, now, team, granted_kw)
    answers = {Response.OPTED_OUT: is_out, Response.BUSY: is_busy, CANNOT[call.word.action]: comes & ~matters}
    for answer, who_said in answers.items():
        office.decided.respond(call.dispatch, seen.who[who_said], answer)
    _note(office, call, team, granted_kw)


def _team(office: Office, call: Call, part: Seen, is_mine: Bools) -> _Team:
    """What those who come into question could do."""
    plan, _, (kwh,) = office.held.forecast(part, part.until_s)
    could = range_of(call.word.action, office.people, part, kwh / part.hours)
    refills = is_mine & (could.must_charge | office.held.is_let_go[part.who])
    refill_kw = np.maximum(could.shadow_kw, 0.0) if office.is_limited else part.cars.charger_kw
    return _Team(part, is_mine, plan, could, refills, refill_kw)


def _granted_kw(office: Office, call: Call, team: _Team) -> Talk[Floats]:
    """(m,) what each is to deliver [kW]; those who have a choice make up for those who have none."""
    may = team.could.can & ~team.refills
    bound = rows_where(team.is_mine & ~may if call.word.action == "turn_up" else team.refills)
    bound_kw = team.could.shadow_kw[bound] - charged_kw(office.people, team.part.of(bound), team.refill_kw[bound])
    if call.word.action == "turn_up":
        bound_kw = -bound_kw
    wanted_kw = np.where(may, team.could.most_kw, 0.0)
    return (yield from office.turns.granted_kw(call, team.part.who, team.is_mine, wanted_kw, exact_sum(bound_kw)))


def _send(office: Office, call: Call, now: Round, team: _Team, granted_kw: Floats) -> None:
    """Hold those who serve, and those who did, and give them their orders."""
    held, part, delivers = office.held, team.part, granted_kw > LEAST_KW
    stays = team.is_mine | delivers
    held.hold(call.act, part.who[stays], team.plan)
    held.serves[part.who[delivers]], held.is_let_go[part.who[team.refills]] = True, True
    office.turns.note(part.who, granted_kw * part.hours)
    kw, until_soc = _order(call.word.action, part, team.could, granted_kw)
    office.want(call, now, part, stays & ~team.refills, kw, until_soc, "dispatch")
    office.want(call, now, part, team.refills, team.refill_kw, part.cars.target_soc, "refill")


def _order(action: Action, part: Seen, could: Range, granted_kw: Floats) -> tuple[Floats, Floats]:
    """(m,) power [kW] and SoC to stop at of those who serve: their rule's power less what they are to deliver."""
    cars = part.cars
    if action == "turn_up":
        is_full = granted_kw >= could.most_kw - LEAST_KW
        kw = np.clip(could.shadow_kw + granted_kw, 0.0, cars.charger_kw)
        return np.where(is_full, cars.charger_kw, kw), cars.target_soc
    kw = could.shadow_kw - granted_kw
    kw = np.where(np.abs(kw + cars.discharge_kw) < LEAST_KW, -cars.discharge_kw, kw)
    kw[np.abs(kw) < LEAST_KW] = 0.0
    return kw, np.where(kw < 0, cars.v2g_reserve_soc, cars.target_soc)


def _note(office: Office, call: Call, team: _Team, granted_kw: Floats) -> None:
    """What those who came into question answered, and what else a proof tells of them."""
    part, could, decided = team.part, team.could, office.decided
    cannot, delivers = ~could.can, granted_kw > LEAST_KW
    decided.respond(call.dispatch, part.who[cannot], could.why_not[cannot])
    decided.respond(call.dispatch, part.who[~cannot & ~delivers], Response.NOT_NEEDED)
    decided.respond(call.dispatch, part.who[delivers], Response.TOOK_PART)
    decided.note(call.dispatch, part.who[team.refills], Note.HAD_TO_CHARGE)
    if call.word.action == "discharge":
        is_empty = team.is_mine & (part.cars.soc <= part.cars.v2g_reserve_soc + SOC_ROUNDING)
        decided.note(call.dispatch, part.who[is_empty], Note.RESERVE_REACHED)
