"""The rows of a file of sessions as columns, and the ones to leave out for what stands in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter

import numpy as np

from evsim._recorded.headers import NEEDED, STATION, Column
from evsim._recorded.numbers import is_blank, read_numbers
from evsim._recorded.sessions import Rejected
from evsim._recorded.settings import BATTERY_LIMITS_KWH, CHARGER_LIMITS_KW
from evsim._recorded.table import Rows, Table
from evsim._recorded.times import BAD, BLANK, read_times
from evsim._typed_in.faults import printable, show
from evsim._units import Anything, Bools, Floats, Ints

TIMES = ("plug_in", "plug_out")
NUMBERS = ("energy_kwh", "soc_percent", "battery_kwh", "charger_kw")
UNNAMED = "Not named"
"""The kind of people whose rows name none, in a file that names kinds."""
NOBODY = -1
"""The archetype or user of a row that does not say one."""
_LONGEST_NAME = 80
_PERCENT = 100
_LIMITS = (
    ("battery_kwh", BATTERY_LIMITS_KWH, "out_of_range", "kWh"),
    ("charger_kw", CHARGER_LIMITS_KW, "out_of_range", "kW"),
    ("soc_percent", (0, _PERCENT), "soc_out_of_range", "%"),
    ("energy_kwh", (0, np.inf), "negative_energy", "kWh"),
)


class Book:
    """Names, and a number for each."""

    def __init__(self) -> None:
        self._code: dict[str, int] = {}
        self._met: dict[str, dict[str, int]] = {}

    def code(self, name: str) -> int:
        """The number of a name; a new one is written down."""
        return self._code.setdefault(name, len(self._code))

    def codes(self, cells: Sequence[str], prefix: str = "") -> Ints:
        """(n,) numbers of what is written in cells, NOBODY where nothing is."""
        met = self._met.setdefault(prefix, {})
        for cell in dict.fromkeys(cells).keys() - met.keys():
            met[cell] = NOBODY if is_blank(cell) else self.code(prefix + _name(cell))
        return np.fromiter(map(met.__getitem__, cells), np.int64, len(cells))

    @property
    def names(self) -> list[str]:
        """By number."""
        return list(self._code)


@dataclass
class Recorded:
    """Rows as columns.

    line : (n,) in the file; user, archetype : (n,) codes into the names; seconds, kind : by key of a time, (n,) as
    `Times`; number : by key, (n,) NaN where the file does not say
    is_alone : (n,) rows without a user, which are each a user of their own
    is_fine : (n,) rows that are not left out yet; rejected : the others
    """

    line: Ints
    user: Ints
    archetype: Ints
    seconds: dict[str, Ints]
    kind: dict[str, Ints]
    number: dict[str, Floats]
    is_alone: Bools
    user_names: list[str]
    archetype_names: list[str]
    is_fine: Bools
    rejected: list[Rejected] = field(default_factory=list)

    def reject(self, where: Bools, reason: str, tell: Callable[[int], str]) -> None:
        """Leave out rows that are not left out yet; `tell` says what was found in a row and what is allowed."""
        who = np.flatnonzero(where & self.is_fine)
        self.is_fine[who] = False
        users = np.where(self.is_alone, NOBODY, self.user)[who].tolist()
        for i, line, user in zip(who.tolist(), self.line[who].tolist(), users, strict=True):
            name = "" if user == NOBODY else self.user_names[user]
            self.rejected.append(Rejected(line, name, reason, tell(i)))


def read_rows(table: Table, columns: Mapping[str, Column]) -> Recorded:
    """All rows of a table, without those that cannot be read. Raises CannotReadError."""
    users, archetypes = Book(), Book()
    blocks = [_Block(table, columns, lines, rows, users, archetypes).read() for lines, rows in table.blocks()]

    def joined(name: str) -> Anything:
        return np.concatenate([getattr(block, name) for block in blocks])

    def each(name: str, keys: Sequence[str]) -> dict[str, Anything]:
        return {key: np.concatenate([getattr(block, name)[key] for block in blocks]) for key in keys}

    return Recorded(
        line=joined("line"),
        user=joined("user"),
        archetype=joined("archetype"),
        seconds=each("seconds", TIMES),
        kind=each("kind", TIMES),
        number=each("number", NUMBERS),
        is_alone=joined("is_alone"),
        user_names=users.names,
        archetype_names=archetypes.names,
        is_fine=joined("is_fine"),
        rejected=[row for block in blocks for row in block.rejected],
    )


class _Block:
    """Some ten thousand rows on their way from texts to columns."""

    def __init__(
        self, table: Table, columns: Mapping[str, Column], lines: list[int], rows: Rows, users: Book, archetypes: Book
    ) -> None:
        self.columns = columns
        self.lines = lines
        self.books = (users, archetypes)
        self.width = len(table.headers)
        self.n_cells: dict[int, int] = {}
        for i, row in enumerate(rows):
            if len(row) != self.width:
                if any(row[self.width :]):
                    self.n_cells[i] = len(row)
                rows[i] = (row + [""] * self.width)[: self.width]
        cut = zip(*map(itemgetter(*(column.at for column in columns.values())), rows), strict=True)
        self.cells = {key: list(map(str.strip, cells)) for key, cells in zip(columns, cut, strict=True)}

    def read(self) -> Recorded:
        n, cells = len(self.lines), self.cells
        times = {key: read_times(cells[key]) for key in TIMES}
        numbers = {key: read_numbers(cells[key]) for key in NUMBERS if key in cells}
        absent = (np.full(n, np.nan), np.zeros(n, bool))
        user, is_alone = self._users()
        made = Recorded(
            line=np.array(self.lines, np.int64),
            user=user,
            archetype=self._archetypes(),
            seconds={key: time.seconds for key, time in times.items()},
            kind={key: time.kind for key, time in times.items()},
            number={key: numbers.get(key, absent)[0] for key in NUMBERS},
            is_alone=is_alone,
            user_names=self.books[0].names,
            archetype_names=self.books[1].names,
            is_fine=np.ones(n, bool),
        )
        self._leave_out(made, {key: is_bad for key, (_, is_bad) in numbers.items()})
        return made

    def _users(self) -> tuple[Ints, Bools]:
        """Who charges: the user, else the station, else the row itself; and which rows are by themselves."""
        book, user = self.books[0], np.full(len(self.lines), NOBODY, np.int64)
        for key, prefix in (("user", ""), (STATION, "station ")):
            if key in self.cells and (user == NOBODY).any():
                user = np.where(user == NOBODY, book.codes(self.cells[key], prefix), user)
        is_alone = user == NOBODY
        user[is_alone] = [book.code(f"line {self.lines[i]}") for i in np.flatnonzero(is_alone)]
        return user, is_alone

    def _archetypes(self) -> Ints:
        cells = self.cells.get("archetype")
        if cells is None:
            return np.full(len(self.lines), NOBODY, np.int64)
        codes = self.books[1].codes(cells)
        return np.where(codes == self.books[1].code(UNNAMED), NOBODY, codes)

    def _leave_out(self, made: Recorded, is_bad: Mapping[str, Bools]) -> None:
        """Rows in which a cell is too many, missing, unreadable or out of its range."""
        crowded = np.zeros(len(self.lines), bool)
        crowded[list(self.n_cells)] = True
        made.reject(crowded, "too_many_cells", self._crowded)
        for key in NEEDED:
            empty = made.kind[key] == BLANK if key in TIMES else np.isnan(made.number[key]) & ~is_bad[key]
            made.reject(empty, "missing", partial(self._empty, key))
        for key in TIMES:
            made.reject(made.kind[key] == BAD, "not_a_time", partial(self._no_time, key))
        for key, bad in is_bad.items():
            made.reject(bad, "not_a_number", partial(self._no_number, key))
        for key, (low, high), reason, unit in _LIMITS:
            value = made.number[key]
            allowed = f"0 {unit} or more" if high == np.inf else f"{low:g}-{high:,g} {unit}"
            text = f"; {allowed} {'is' if high == np.inf else 'are'} allowed"
            out = (value < low) | (value > high)
            made.reject(out, reason, partial(self._out_of_range, key, text))

    def _header(self, key: str) -> str:
        return show(self.columns[key].header)

    def _found(self, key: str, i: int) -> str:
        return f"{self._header(key)} is {show(self.cells[key][i])}"

    def _empty(self, key: str, _: int) -> str:
        return f"{self._header(key)} is empty"

    def _no_number(self, key: str, i: int) -> str:
        return f"{self._found(key, i)}, which is not a number"

    def _out_of_range(self, key: str, allowed: str, i: int) -> str:
        return self._found(key, i) + allowed

    def _no_time(self, key: str, i: int) -> str:
        return f"{self._found(key, i)}, which is not a date with a time; write it as 2026-01-12T18:30"

    def _crowded(self, i: int) -> str:
        return f"{self.n_cells[i]} cells where there are {self.width} headers; is a comma unquoted?"


def _name(text: str) -> str:
    """A name on one line and not too long."""
    return printable(text[:_LONGEST_NAME])[:_LONGEST_NAME].strip()
