"""What is worth a sentence about a comparison, because its tables do not say it."""

from __future__ import annotations

from collections.abc import Iterator

from evsim.analysis._compare import NOT_AT_HOME, Comparison

_HIGHER, _LOWER = 1.05, 0.8
"""A peak this many times the first's, or more, or less, is worth a sentence."""
_TOGETHER_PERCENT = 20
"""From this share of charges on, those that start in one minute make the peak: our choice."""
_SHORT, _MUCH_SHORTER = 0.01, 2
"""What is missing at departures that is worth a sentence: over this share of what is drawn, and times the first's."""


def remarks(comparison: Comparison) -> list[str]:
    """Sentences about what a table does not say: cars that start together, targets missed, energy bought elsewhere."""
    return [*_herds(comparison), *_short(comparison), *_elsewhere(comparison)]


def _herds(comparison: Comparison) -> Iterator[str]:
    """Variants whose peak is higher than the first's, and what makes it; and those whose peak is much lower."""
    first, *others = comparison.outcomes
    peak_kw = first[0].measures.peak_kw
    for name, (outcome, *_) in zip(comparison.names[1:], others, strict=True):
        mine = outcome.measures
        if peak_kw <= 0 or _LOWER * peak_kw <= mine.peak_kw < _HIGHER * peak_kw:
            continue
        is_lower, why = mine.peak_kw < peak_kw, ""
        together = mine.number("busiest_start_percent")
        if not is_lower and together >= _TOGETHER_PERCENT:
            why = f": {together:.0f}% of its charges start at {mine.told['busiest_start_local']}"
        yield f"{name}: peak {mine.peak_kw / peak_kw:.{1 + is_lower}f} x that of {comparison.names[0]}{why}"


def _short(comparison: Comparison) -> Iterator[str]:
    """Variants under which much more is missing at departures than with the first."""
    users, short, drawn = ([e.mean for e in comparison.means(m)] for m in ("n_users_short", "short_kwh", "import_kwh"))
    for i, name in enumerate(comparison.names[1:], start=1):
        if short[i] > max(_SHORT * drawn[i], _MUCH_SHORTER * short[0]):
            helps = "; a margin_minutes helps" if comparison.wants_margin[i] else ""
            yield (
                f"{name}: {users[i]:,.0f} of {comparison.n_users[i]:,} users leave short of their target, by "
                f"{short[i]:,.0f} kWh in all ({comparison.names[0]}: {users[0]:,.0f}, {short[0]:,.0f} kWh){helps}"
            )


def _elsewhere(comparison: Comparison) -> Iterator[str]:
    """Variants under which more is charged in public, which costs nothing here."""
    more_kwh = comparison.differences("public_kwh")
    drawn_kwh = comparison.means("import_kwh")
    for name, more, drawn in list(zip(comparison.names, more_kwh, drawn_kwh, strict=True))[1:]:
        if drawn.mean > 0 and more.mean > NOT_AT_HOME * drawn.mean:
            yield (
                f"{name}: {more.mean:,.0f} kWh more than with {comparison.names[0]} are charged in public; "
                "what they cost and emit is not counted"
            )
