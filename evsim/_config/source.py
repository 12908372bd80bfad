"""From a file (or a dict) to a `Scenario`, remembering where everything was written."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pydantic_core import ValidationError

from evsim._config.override import ARCHETYPES, SESSIONS, Override, odd_keys, parse_path, step_into, value_of
from evsim._config.sheet import read_sheet, rename
from evsim._errors import ConfigError
from evsim._signals.settings import SOURCES, names_a_file
from evsim._typed_in.faults import MOST_SHOWN, Fault, faults_of, printable, report, shorten, show, show_path
from evsim._typed_in.files import MOST_BYTES, CannotReadError, read_bytes, text_of
from evsim._typed_in.json_source import Path, read_json

if TYPE_CHECKING:
    from evsim._config.charging import Strategies
    from evsim._scenario import Scenario

DISPATCHES = "dispatches"
S = TypeVar("S", bound="Scenario")


class _Place(NamedTuple):
    """Where a value was written: `line 14`; its order; and its name there, when not its path."""

    text: str
    order: float
    shown: str | None = None


@dataclass
class ConfigSource:
    """A config as it was typed.

    name : what a message calls it
    tree : its content
    folder : where a sheet that it names lies
    places : where values were written
    faults : what was wrong with the text already
    spoilt : paths whose value could not be read, of which nothing more is said
    """

    name: str
    tree: Any
    folder: FilePath
    places: dict[Path, _Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    spoilt: set[Path] = field(default_factory=set)

    @classmethod
    def of_file(cls, path: str | os.PathLike[str]) -> ConfigSource:
        """The content of a JSON file. Raises ConfigError when there is nothing to go on with."""
        name = shorten(printable(str(path))) or '""'
        try:
            text = text_of(read_bytes(path))
        except CannotReadError as error:
            raise ConfigError(f"{name}: {error}") from None
        document = read_json(text)
        if not document.is_whole:
            told = [(f"line {s.line}", f"column {s.column}: {s.text}") for s in document.slips]
            raise ConfigError(report(name, told))
        source = cls(name, document.value, FilePath(path).parent)
        source.places = {at: _Place(f"line {line}", line) for at, line in document.lines.items()}
        for slip in document.slips:
            where = f"{show_path(slip.path)}: " if slip.about_value else ""
            source.faults.append(Fault(("", len(source.faults)), f"column {slip.column}: {where}{slip.text}"))
            source.places[source.faults[-1].path] = _Place(
                f"line {slip.line}", slip.line + slip.column / MOST_BYTES, ""
            )
            if slip.about_value:
                source.spoilt.add(slip.path)
        return source

    @classmethod
    def of_dict(cls, config: object) -> ConfigSource:
        """A config that is already in memory."""
        source = cls("the config", config, FilePath())
        source.faults += odd_keys(config)
        if source.faults:
            source.fail()
        return source

    def scenario(self, cls: type[S], overrides: Sequence[Override], strategies: Strategies | None) -> S:
        """The scenario; raises ConfigError with every fault."""
        if not isinstance(self.tree, Mapping):
            raise ConfigError(f"{self.name}: {show(self.tree)} where a config belongs: one object {{ }} with settings")
        self.tree = dict(self.tree)
        for override in overrides:
            if override[0].strip() == ARCHETYPES:
                self._override(override)
        if isinstance(self.tree.get(ARCHETYPES), str):
            self._take_sheet(self.tree[ARCHETYPES])
        self._rename_rows()
        for override in overrides:
            if override[0].strip() != ARCHETYPES:
                self._override(override)
        return self._validated(cls, strategies)

    def _validated(self, cls: type[S], strategies: Strategies | None) -> S:
        self._find_files()
        try:
            made = cls.model_validate(self.tree, context=strategies)
        except ValidationError as error:
            self.faults += [fault for fault in faults_of(error, cls) if not self._is_spoilt(fault.path)]
        if self.faults:
            self.fail()
        return made

    def fail(self) -> None:
        """Raise the ConfigError of all faults, in the order of the file; those about several values last."""
        ordered = sorted(self.faults, key=lambda f: (f.about_several, self._place(f.path).order))
        told = []
        for fault in ordered[:MOST_SHOWN]:
            place = self._place(fault.path)
            shown = self._shown(fault.path)
            told.append((place.text, f"{shown}: {fault.text}" if shown else fault.text))
        raise ConfigError(report(self.name, told, len(ordered)))

    def _is_spoilt(self, path: Path) -> bool:
        return any(path[:end] in self.spoilt for end in range(1, len(path) + 1))

    def _place(self, path: Path) -> _Place:
        """Where a value was written, or the part of the config that should hold it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return _Place("", inf)

    def _shown(self, path: Path) -> str:
        exact = self.places.get(path)
        return exact.shown if exact is not None and exact.shown is not None else show_path(path)

    def _rename_rows(self) -> None:
        """Give archetypes' settings their names, and remember what they were called."""
        rows = self.tree.get(ARCHETYPES)
        if not isinstance(rows, list | tuple):
            return
        self.tree[ARCHETYPES] = renamed = list(rows)
        for i, row in enumerate(rows):
            if not isinstance(row, Mapping):
                continue
            renamed[i], named, repeated = rename(row)
            for header, first in repeated.items():
                self._note_repeated((ARCHETYPES, i, header), (ARCHETYPES, i, first))
            for key, header in named.items():
                here: Path = (ARCHETYPES, i, header)
                if key != header and here in self.places:
                    self.places[(ARCHETYPES, i, key)] = _Place(
                        self.places[here].text, self.places[here].order, show_path(here)
                    )

    def _note_repeated(self, path: Path, first: Path) -> None:
        """A setting that is there under two names, each shown as it is written."""
        where = f" ({self.places[first].text})" if first in self.places else ""
        fault = Fault((*path, "again"), f"means the same as {show(first[-1])}{where}; keep one")
        self.faults.append(fault)
        place = self._place(path)
        self.places[fault.path] = _Place(place.text, place.order, show_path(path))

    def _take_sheet(self, file: str) -> None:
        """Put the rows of a CSV file where its name stands."""
        path = self.folder / file
        named = self._place((ARCHETYPES,))
        try:
            sheet = read_sheet(read_bytes(path))
        except CannotReadError as error:
            text = f"{show(file)}: {error}"
            if not file.strip():
                text = "an empty text; name a CSV file of the archetype sheet, or give a list [ ] of archetypes"
            self.faults.append(Fault((ARCHETYPES,), text))
            self.tree[ARCHETYPES] = None
            self.spoilt.add((ARCHETYPES,))
            return
        short = printable(path.name)
        for line, text in sheet.faults:
            fault = Fault((ARCHETYPES, "", len(self.faults)), text)
            self.faults.append(fault)
            self.places[fault.path] = _Place(f"{short} line {line}" if line else short, named.order, "")
        self.spoilt |= {(ARCHETYPES, row) for row in sheet.spoilt_rows}
        if not sheet.is_usable:
            self.spoilt.add((ARCHETYPES,))
        self.tree[ARCHETYPES] = list(sheet.rows)
        for (row, *key), line in sheet.lines.items():
            header = sheet.headers.get(str(key[0])) if key else None
            shown = f"{show_path((ARCHETYPES, row))} {show(header)}" if header else None
            place = _Place(f"{short} line {line}", named.order + line / MOST_BYTES, shown)
            self.places[(ARCHETYPES, row, *key)] = place

    def _find_files(self) -> None:
        """Name files of sessions, dispatches and values as seen from here: they lie beside the config."""
        for key in (SESSIONS, DISPATCHES, *SOURCES):
            typed = self.tree.get(key)
            if key in (SESSIONS, DISPATCHES) and isinstance(typed, str) and typed.strip():
                self.tree[key] = str(self.folder / typed.strip())
            elif key in SOURCES and names_a_file(typed):
                self.tree[key] = {"file": str(self.folder / typed.strip())}
            elif isinstance(typed, Mapping):
                self.tree[key] = self._with_its_file(typed)
        settlement = self.tree.get("settlement")
        if isinstance(settlement, Mapping) and isinstance(settlement.get("baseline"), Mapping):
            self.tree["settlement"] = {**settlement, "baseline": self._with_its_file(settlement["baseline"])}

    def _with_its_file(self, typed: Mapping[str, Any]) -> Mapping[str, Any]:
        """The same, with the file that it names as seen from here."""
        file = typed.get("file")
        return {**typed, "file": str(self.folder / file.strip())} if isinstance(file, str) and file.strip() else typed

    def _override(self, override: Override) -> None:
        """Set one value by its path."""
        dotted, text = override[0], override[1]
        written = override[2] if len(override) > 2 else f"--set {dotted}={text}"
        place = _Place(printable(written)[:80], -1.0)
        path, wrong = parse_path(dotted)
        if wrong is None:
            path, wrong = self._put(path, value_of(text), place)
        if wrong is not None:
            fault = Fault(("--set", len(self.faults)), wrong)
            self.faults.append(fault)
            self.places[fault.path] = _Place(place.text, place.order, "")

    def _put(self, path: Path, value: object, place: _Place) -> tuple[Path, str | None]:
        """Put a value into the tree, making the objects on its way; or say why not."""
        holder: Any = self.tree
        done: Path = ()
        for at, part in enumerate(path):
            step, wrong = step_into(holder, part, done)
            if wrong is not None:
                return path, wrong
            done = (*done, step)
            if done not in self.places or at == len(path) - 1:
                self.places[done] = place
            if at == len(path) - 1:
                holder[step] = value
                self.places = {p: w for p, w in self.places.items() if p[: len(done)] != done or p == done}
                self.spoilt = {p for p in self.spoilt if p[: len(done)] != done}
                break
            holder[step] = _own_copy(holder.get(step) if isinstance(holder, dict) else holder[step])
            holder = holder[step]
        return done, None


def _own_copy(part: object) -> object:
    """A part of the config that may be changed; one that is not there is made."""
    if part is None or isinstance(part, Mapping):
        return dict(part or {})
    return list(part) if isinstance(part, list | tuple) else part
