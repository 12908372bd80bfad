"""What the pictures of a comparison share: names and lines of variants, the words under a title, and signals."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from matplotlib.text import Text

from evsim._units import Floats
from evsim.analysis import Backdrop, Comparison
from evsim.plots import _words as words
from evsim.plots._palette import SOFT
from evsim.plots._panel import SMALL_PT, TEXT_PT, line_in

_SOLID_VARIANTS = 4
_DASHES: Sequence[object] = ("solid", (0, (4, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)))

_BEFORE_SETTING = re.compile(r"\+(?=[A-Za-z_][\w.]*=)")
_WINDOW = re.compile(r'\["(\d\d:\d\d)", ?"(\d\d:\d\d)"\]')
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_UNITS = {
    "_gbp_per_tonne": " £/t",
    "_percent": "%",
    "_seconds": " s",
    "_minutes": " min",
    "_hours": " h",
    "_kwh": " kWh",
    "_kw": " kW",
    "_miles": " miles",
}
_IN_WORDS = {
    "fleet_limit": "limit",
    "minimum_soc": "minimum SoC",
    "decide_every": "decided every",
    "share_by": "shared",
}
"""Of settings that are called otherwise than their keys without the unit."""
_FIRST_IN = 2.0
"""Room for the first variant's name in a line."""
_MOST_LINES = 2
_USABLE_OF_LINES = 0.88
"""Of several lines, what words leave room for."""

LineStyle: TypeAlias = object
"""A line style of matplotlib."""


class Label(NamedTuple):
    """A variant's name in lines: its rule, and in small print under it the settings."""

    rule: Sequence[str]
    settings: Sequence[str]

    @property
    def height_in(self) -> float:
        """How high it is [in]."""
        return len(self.rule) * line_in(TEXT_PT) + len(self.settings) * line_in(SMALL_PT)


def line_style(variant: int, n_under: int = 0) -> LineStyle:
    """Solid for the first four variants; then lines are also told apart by their dashes, as are those over others."""
    return _DASHES[(variant // _SOLID_VARIANTS + n_under) % len(_DASHES)]


def named(name: str) -> tuple[str, list[str]]:
    """A variant's rule, and its settings in words: `random_delay_seconds=600` as `random delay 600 s`."""
    rule, *settings = _BEFORE_SETTING.split(words.clean(name))
    return rule, [_in_words(*setting.split("=", maxsplit=1)) for setting in settings]


def in_line(name: str) -> str:
    """A variant's name in words, in one line."""
    rule, settings = named(name)
    return ", ".join((rule, *settings))


def labels(names: Sequence[str], room_in: float, between: str | None = None, *, is_bold: bool = True) -> list[Label]:
    """Names in lines no wider than the room [in]; what differs looks different, as far as there is room for that.

    between : stands between settings in one line; without it, each has a line of its own
    """
    found = [named(name) for name in names]
    size_pt = TEXT_PT * (words.BOLD if is_bold else 1)
    rules = _told_apart([rule for rule, _ in found], _USABLE_OF_LINES * _MOST_LINES * room_in, size_pt)
    settings = _told_apart([one for _, own in found for one in own], room_in, SMALL_PT)
    made = []
    for rule, own in found:
        lines = [settings[one] for one in own]
        if between and lines:
            lines = words.wrapped(between.join(lines), room_in, SMALL_PT, between)
        made.append(Label(words.wrapped(rules[rule], room_in, size_pt)[:_MOST_LINES], lines))
    return made


def write_label(write: Callable[..., Text], at: tuple[float, float], label: Label, height_in: float) -> None:
    """A label, its upper left corner at a place.

    write : writes text at shares of something; height_in : how high that is [in]
    """
    x, y = at
    write(x, y, "\n".join(label.rule), va="top", fontweight="bold")
    below = y - len(label.rule) * line_in(TEXT_PT) / height_in
    write(x, below, "\n".join(label.settings), va="top", fontsize=SMALL_PT, color=SOFT)


def _told_apart(names: Sequence[str], room_in: float, size_pt: float) -> dict[str, str]:
    """What is shown of different names."""
    different = list(dict.fromkeys(names))
    return dict(zip(different, words.told_apart(different, room_in, size_pt), strict=True))


def _in_words(key: str, value: str) -> str:
    """A setting: its key without the unit, and its value with it. A window needs no name."""
    if window := _WINDOW.fullmatch(value):
        return "\N{EN DASH}".join(window.groups())
    end = next((end for end in _UNITS if key.endswith(end)), "")
    said = key.removesuffix(end)
    said = _IN_WORDS.get(said, said.replace("_", " "))
    if _NUMBER.fullmatch(value):
        return f"{said} {float(value):,.10g}{_UNITS.get(end, '')}"
    value = _WINDOW.sub("\\1\N{EN DASH}\\2", value).replace(",", ", ")
    return " ".join((said, value.strip('"').replace("_", " ")))


def circumstances(comparison: Comparison, *, of_whom: bool = True) -> str:
    """The line under a title: when, of how many users, with which luck."""
    period = words.period(comparison.clock)
    return words.BETWEEN_ITEMS.join((period, *((users(comparison),) if of_whom else ()), luck(comparison)))


def ways(comparison: Comparison) -> str:
    """How the variants differ, as the end of a title."""
    n = len(comparison.names)
    if not comparison.is_about_charging:
        return f"under {words.counted(n, 'config')}"
    return f"charging in {words.counted(n, 'way')}"


def users(comparison: Comparison) -> str:
    """`1,000 users`, of several configs `500 to 1,000 users`."""
    least, most = min(comparison.n_users), max(comparison.n_users)
    return words.counted(most, "user") if least == most else f"{least:,} to {words.counted(most, 'user')}"


def luck(comparison: Comparison) -> str:
    """`the same luck for all: seed 1`."""
    seeds = comparison.seeds
    return f"the same luck for all: {'seed' if len(seeds) == 1 else 'seeds'} " + (
        f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    )


def signals(comparison: Comparison) -> Sequence[Backdrop]:
    """What may explain when cars charge: the price, and the carbon intensity where a rule goes by it."""
    return comparison.backdrops


def name_of(comparison: Comparison, signal: Backdrop) -> str:
    """What a signal is called; of several configs, whose it is."""
    if comparison.is_about_charging:
        return signal.name
    return f"{signal.name} of {words.shortened(in_line(comparison.names[0]), _FIRST_IN, SMALL_PT)}"


def said_of(signal: Backdrop, values: Floats) -> str:
    """A signal and its range: `price, 7.5 to 28 p/kWh`, or its one value."""
    ends = dict.fromkeys(_number(end) for end in (float(values.min()), float(values.max())))
    return f"{signal.name}, {' to '.join(ends)} {signal.unit}"


def changes(values: Floats) -> bool:
    """Whether a signal is worth a strip."""
    return bool(values.min() < values.max())


def _number(value: float) -> str:
    """With a decimal where there is one."""
    return f"{round(value, 1) + 0.0:,.10g}".replace("-", "\N{MINUS SIGN}")
