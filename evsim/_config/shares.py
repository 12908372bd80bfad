"""How a population is divided: whole people from shares, and what is wrong with shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evsim._typed_in.faults import MOST_SHOWN, Fault, did_you_mean, show

if TYPE_CHECKING:
    from evsim._user_archetype import UserArchetype

SHARE_TOLERANCE = 0.01
"""Shares may miss 100 by this much, as 33.33 three times does."""

_PERCENT = 100
_ROUND = (10, 5)
_SHARE_GRAIN = 10**9
_MOST_NAMED = 3


def largest_remainder(total: int, shares: Sequence[float]) -> tuple[int, ...]:
    """Whole numbers in proportion to `shares` that sum to `total` (Hamilton's method), exactly."""
    grains = [round(share * _SHARE_GRAIN) for share in shares]
    whole = sum(grains)
    if whole == 0:
        return (0,) * len(grains)
    parts = [divmod(total * grain, whole) for grain in grains]
    left = total - sum(part for part, _ in parts)
    luckiest = sorted(range(len(parts)), key=lambda i: -parts[i][1])[:left]
    return tuple(part + (i in luckiest) for i, (part, _) in enumerate(parts))


def repeated_names(names: Sequence[str | None]) -> Iterable[Fault]:
    first: dict[str, int] = {}
    for i, name in enumerate(names):
        if name is not None and first.setdefault(name, i) != i:
            text = f"{show(name)} is also the name of archetypes[{first[name]}]; names must differ"
            yield Fault(("archetypes", i, "name"), text, about_several=True)


def wrong_sum(shares: Sequence[float | None], names: Sequence[str | None]) -> Iterable[Fault]:
    known = [share for share in shares if share is not None and 0 <= share <= _PERCENT]
    total = sum(known)
    if len(known) < len(shares) or abs(total - _PERCENT) <= SHARE_TOLERANCE + 1e-9:
        return
    text = f"population_percent sums to {total:.10g}, not 100{_likely_share(known, names, _PERCENT - total)}"
    yield Fault(("archetypes",), text, about_several=True)


def _likely_share(shares: Sequence[float], names: Sequence[str | None], due: float) -> str:
    """The share that is probably meant otherwise: the one that becomes round, or the largest odd one."""
    if abs(sum(shares) - 1) <= SHARE_TOLERANCE:
        return "; these look like fractions: write 40 for 0.4"
    able = [i for i, share in enumerate(shares) if 0 < share + due <= _PERCENT]
    rounder = [[i for i in able if shares[i] % grain and (shares[i] + due) % grain == 0] for grain in _ROUND]
    odd = sorted((i for i in able if shares[i] % _ROUND[-1]), key=lambda i: shares[i])
    likely = next((found[0] for found in rounder if len(found) == 1), odd[-1] if odd else None)
    if likely is None:
        return f"; {abs(due):.10g} {'are missing' if due > 0 else 'too many'}"
    return f"; {show(names[likely])} ({shares[likely]:.10g}) may be meant as {shares[likely] + due:.10g}"


def rules_for_nobody(rules: Mapping[Any, Any], names: Sequence[str]) -> Iterable[Fault]:
    """Rules whose archetype does not exist; the likeliest intent only of those that will be shown."""
    known = set(names)
    strange = [name for name in rules if isinstance(name, str) and name.strip() not in known]
    for i, name in enumerate(strange):
        hint = did_you_mean(name, names) if i < MOST_SHOWN else ""
        yield Fault(("charging", "by_archetype", name), f"no archetype has this name{hint}", about_several=True)


def empty_archetypes(total: int, archetypes: Sequence[UserArchetype], n_users: Sequence[int]) -> Iterable[str]:
    """A warning when a population is too small for each archetype with a share to have somebody."""
    empty = [a.name for a, n in zip(archetypes, n_users, strict=True) if n == 0 and a.population_percent > 0]
    if empty:
        named = ", ".join(show(name) for name in empty[:_MOST_NAMED])
        more = f" and {len(empty) - _MOST_NAMED:,} more" if len(empty) > _MOST_NAMED else ""
        kinds = f"{len(empty):,} archetype{'s' * (len(empty) > 1)}"
        yield f"population_size {total:,} leaves {kinds} without anybody: {named}{more}"
