"""Reads JSON as people write it: every value with its line, every slip with its remedy.

The reader goes on after a slip whose meaning is plain (a comment, a trailing comma, a missing comma, single
quotes), so that one reading names them all; after any other it stops. It never guesses silently: a
`Document` with faults is not to be run.
"""

from __future__ import annotations

import re

from evsim._typed_in.json_scanner import BARE, QUOTES, SHOWN, Document, Path, Scanner, Slip, StopReadingError

MOST_DEPTH = 40
MOST_VALUES = 500_000

_CLOSES = {"{": "}", "[": "]"}
__all__ = ["MOST_DEPTH", "Document", "Path", "Slip", "read_json"]


def read_json(text: str) -> Document:
    """The content of a JSON text with the line of every value; never raises, whatever the text."""
    return _Reader(text.replace("\r\n", "\n").replace("\r", "\n")).read()


class _Reader(Scanner):
    """A recursive-descent reader of objects and lists."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.open: list[tuple[str, int]] = []

    def read(self) -> Document:
        try:
            self.skip()
            if self.at == len(self.text):
                self.stop('the file is empty; a config begins with { and holds at least "archetypes"')
            value = self.value()
            self.skip()
            if self.at < len(self.text):
                self.stop(f"{self.here()} comes after the end of the config; is a bracket closed too early?")
            self.document.value = value
            self.document.is_whole = True
        except StopReadingError:
            pass
        return self.document

    def value(self) -> object:
        c = self.peek()
        if len(self.document.lines) > MOST_VALUES:
            self.stop(f"the file holds more than {MOST_VALUES:,} values; is it a config?")
        if c in _CLOSES and c:
            return self.container(c)
        if c == '"' or c in QUOTES:
            return self.string()
        if c and (c in "+-." or c.isdigit()):
            return self.number()
        if c.isalpha() or c in ("_", "$"):
            return self.word()
        if not c:
            self.stop(f"the file ends where a value belongs{self.still_open()}")
        self.stop(f"a value belongs here, not {self.here()}")
        return None

    def still_open(self) -> str:
        named = [f"{bracket} of line {self.line(at)}" for bracket, at in self.open[-3:]]
        if not named:
            return ""
        return f"; the {' and the '.join(reversed(named))} {'is' if len(named) == 1 else 'are'} never closed"

    def container(self, bracket: str) -> object:
        """An object or a list."""
        if len(self.open) >= MOST_DEPTH:
            self.stop(f"brackets are nested more than {MOST_DEPTH} deep; a config needs 6")
        self.open.append((bracket, self.at))
        self.at += 1
        held = self.members() if bracket == "{" else self.items()
        self.open.pop()
        return held

    def members(self) -> dict[str, object]:
        outer, found = self.path, dict[str, object]()
        while self.more(bool(found), "{"):
            at = self.at
            key = self.key()
            self.path = (*outer, key)
            if key in found:
                first = self.document.lines[self.path]
                self.note(f"set twice, in line {first} and again here; keep one", at, about_value=True)
            self.document.lines[self.path] = self.line(at)
            self.colon(key)
            found[key] = self.value()
            self.path = outer
        return found

    def items(self) -> list[object]:
        outer, found = self.path, list[object]()
        while self.more(bool(found), "["):
            self.path = (*outer, len(found))
            self.document.lines[self.path] = self.line(self.at)
            found.append(self.value())
            self.path = outer
        return found

    def more(self, has_some: bool, bracket: str) -> bool:
        """Pass the comma or the closing bracket; whether something follows."""
        ended, close = self.at, _CLOSES[bracket]
        self.skip()
        comma = self.at
        if has_some and self.peek() in (",", ";"):
            if self.peek() == ";":
                self.note("a comma belongs here, not ;")
            self.at += 1
            self.skip()
        elif has_some and self.peek() and self.peek() not in "}]":
            self.missing_comma(ended, bracket)
        while self.peek() == ",":
            self.note("one comma too many; remove it")
            self.at += 1
            self.skip()
        if self.peek() == close:
            if has_some and self.text[comma] in ",;":
                self.note(f"a comma before the closing {close}; remove it", comma)
            self.at += 1
            return False
        if not self.peek():
            self.stop(f"the file ends too early{self.still_open()}", max(0, len(self.text) - 1))
        if self.peek() in "}]":
            opened = self.line(self.open[-1][1])
            self.stop(f"{self.peek()} found, but the {bracket} of line {opened} is still open: {close} is missing")
        return True

    def missing_comma(self, ended: int, bracket: str) -> None:
        c = self.peek()
        plain = c == '"' or c in QUOTES or c.isalpha() or (bracket == "[" and c in "{[")
        if not plain:
            self.stop(f"a comma or {_CLOSES[bracket]} belongs before {self.here()}")
        if self.line(ended - 1) != self.line(self.at):
            self.note("a comma is missing at the end of this line", ended - 1)
        elif self.text[ended - 1] == '"' and c.isalpha():
            self.stop(f'a comma belongs before {self.here()}; or is it a quote inside a text? That is written \\"')
        else:
            self.note(f"a comma is missing before {self.here()}")

    def key(self) -> str:
        c = self.peek()
        if c == '"' or c in QUOTES:
            return self.string()
        found = re.compile(BARE).match(self.text, self.at)
        if found and not c.isdigit():
            self.note(f'a key needs double quotes: "{found.group()[:SHOWN]}"')
            self.at = found.end()
            return found.group()
        before = re.search(r"(\d{1,3}),$", self.text[max(0, self.at - 4) : self.at])
        if before and c.isdigit():
            whole = before.group(1) + self.here()
            self.stop(f"a number has no thousands comma in JSON; write {whole}, not {before.group()}{self.here()}")
        hint = f"; is the {{ of line {self.line(self.open[-1][1])} closed?" if c in "{[" else ""
        self.stop(f"a key in double quotes belongs here, not {self.here()}{hint}")
        return ""

    def colon(self, key: str) -> None:
        self.skip()
        if self.peek() == ":":
            self.at += 1
        elif self.peek() == "=":
            self.note("a colon belongs here, not =")
            self.at += 1
        elif self.peek() in ("", ",", "}", "]"):
            self.stop(f'"{key[:SHOWN]}" has no value; after it belong a colon and a value')
        else:
            self.note(f'a colon is missing after "{key[:SHOWN]}"')
        self.skip()
