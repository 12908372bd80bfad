"""The words of a JSON text as people write it: texts, numbers, names, comments, with every slip noted."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from json import JSONDecodeError, decoder
from math import isfinite
from typing import NamedTuple, TypeAlias

Path: TypeAlias = "tuple[str | int, ...]"
"""Where a value is: keys and list positions from the top."""

MOST_DIGITS = 300
SHOWN = 30

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_NUMBER_LIKE = re.compile(r"[\w.+\-:%]+")
_STRING_START = r'"[^"\n]*"?'
BARE = r"[^\s,:;={}\[\]\"']+(?: +(?!//|/\*|#)[^\s,:;={}\[\]\"']+)*"
_WORDS = {"true": True, "false": False, "null": None}
_FOREIGN_WORDS = {"True": True, "TRUE": True, "False": False, "FALSE": False, "None": None, "NULL": None}
_NOT_NUMBERS = ("NaN", "Infinity", "-Infinity", "+Infinity", "-NaN", "nan", "inf", "-inf", "undefined")
QUOTES = {"'": "'", "\u201c": "\u201d", "\u201d": "\u201d", "\u2018": "\u2019", "\u2019": "\u2019", "`": "`"}


class Slip(NamedTuple):
    """A fault of the text itself: where (line and column count from 1), in which value, and its remedy.

    about_value : whether it is the value at `path` that could not be read
    """

    line: int
    column: int
    path: Path
    text: str
    about_value: bool


@dataclass
class Document:
    """What a JSON text holds.

    value : the content; only as good as `slips` allow, and None when `is_whole` is false
    lines : the line of every value (of its key, in an object)
    slips : the faults of the text, in its order
    is_whole : whether the reader came to the end
    """

    value: object = None
    lines: dict[Path, int] = field(default_factory=dict)
    slips: list[Slip] = field(default_factory=list)
    is_whole: bool = False


def _scan(text: str, start: int, *, strict: bool) -> tuple[str, int]:
    """The JSON text that begins at `start`, after its quote, and where it ends."""
    found: tuple[str, int] = decoder.scanstring(text, start, strict)  # type: ignore[attr-defined]
    return found


class StopReadingError(Exception):
    """What follows cannot be understood."""


class Scanner:
    """Reads one word at a time; `at` is the position of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.document = Document()
        self.line_starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self.path: Path = ()

    def line(self, at: int) -> int:
        return bisect_right(self.line_starts, at)

    def note(self, text: str, at: int | None = None, *, about_value: bool = False) -> None:
        """Note a slip and go on."""
        at = self.at if at is None else at
        line = self.line(at)
        self.document.slips.append(Slip(line, at - self.line_starts[line - 1] + 1, self.path, text, about_value))

    def stop(self, text: str, at: int | None = None) -> None:
        """Note a slip after which nothing can be understood."""
        self.note(text, at)
        raise StopReadingError

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def here(self) -> str:
        """The next thing in the text, for a message."""
        found = _NUMBER_LIKE.match(self.text, self.at) or re.compile(_STRING_START).match(self.text, self.at)
        word = found.group()[:SHOWN] if found else self.peek()
        return "the end of the file" if not word else word if word.isprintable() else ascii(word)[1:-1]

    def skip(self) -> None:
        """Pass over white space, and over comments with a note."""
        text, size = self.text, len(self.text)
        while self.at < size:
            c = text[self.at]
            if c in " \n\t" or c in "\u00a0\ufeff\u2028\u3000\v\f":
                if c not in " \n\t":
                    self.note(f"an invisible character ({ascii(c)[1:-1]}) that JSON does not know; remove it")
                self.at += 1
            elif c == "#" or text.startswith(("//", "/*"), self.at):
                self.comment()
            else:
                return

    def comment(self) -> None:
        self.note("JSON has no comments; remove it")
        is_block = self.text.startswith("/*", self.at)
        end = self.text.find("*/" if is_block else "\n", self.at)
        if is_block and end < 0:
            self.stop("this comment is never closed")
        self.at = len(self.text) if end < 0 else end + 2 * is_block

    def string(self) -> str:
        if self.peek() != '"':
            return self.foreign_string()
        opened = self.at
        try:
            found, self.at = _scan(self.text, opened + 1, strict=True)
        except JSONDecodeError as error:
            found = self.faulty_string(opened, error)
        return self.without_surrogates(found, opened)

    def faulty_string(self, opened: int, error: JSONDecodeError) -> str:
        c = self.text[error.pos : error.pos + 1]
        if "control" in error.msg and c != "\n":
            self.note(
                f"a raw {'tab' if c == chr(9) else ascii(c)[1:-1]} inside a text; write {ascii(c)[1:-1]}",
                error.pos,
            )
            try:
                found, self.at = _scan(self.text, opened + 1, strict=False)
            except JSONDecodeError as second:
                error = second
            else:
                if "\n" not in found:
                    return found
        if "escape" in error.msg:
            self.stop("a backslash in a text is written \\\\ (and a line break \\n)", error.pos)
        self.stop(
            "this text is not closed in its line; a double quote is missing (a line break is written \\n)",
            opened,
        )
        return ""

    def foreign_string(self) -> str:
        """A text in other quotes than JSON's."""
        mark = self.peek()
        end = self.text.find(QUOTES[mark], self.at + 1)
        line_end = self.text.find("\n", self.at)
        if end < 0 or 0 <= line_end < end:
            self.stop(f"a text is written in double quotes, and this {mark} is not closed in its line")
        found = self.text[self.at + 1 : end]
        self.note(f'a text is written in straight double quotes, not {mark}: "{found[:SHOWN]}"')
        self.at = end + 1
        return found

    def without_surrogates(self, found: str, opened: int) -> str:
        if found.isascii() or not any("\ud800" <= c <= "\udfff" for c in found):
            return found
        self.note("half of a two-part character (a lone \\ud800-\\udfff); write the character itself", opened)
        return "".join("?" if "\ud800" <= c <= "\udfff" else c for c in found)

    def number(self) -> object:
        at = self.at
        found = _NUMBER_LIKE.match(self.text, at)
        token = found.group() if found else self.peek()
        self.at += len(token)
        strict = _NUMBER.fullmatch(token)
        if strict is None:
            return self.odd_number(token, at)
        if len(token) > MOST_DIGITS or not isfinite(float(token)):
            self.note(
                f"{token[:SHOWN]}{'...' * (len(token) > SHOWN)} is too large for a number",
                at,
                about_value=True,
            )
            return None
        return float(token) if strict.group(1) or strict.group(2) else int(token)

    def odd_number(self, token: str, at: int) -> object:
        shown = token[:SHOWN]
        if token in _NOT_NUMBERS:
            self.note(f"{token} is not a number that JSON knows, nor one a run can use", at, about_value=True)
        elif token.strip("+-._") and _NUMBER.fullmatch(_tidied(token)):
            self.note(
                f"{shown} is not how JSON writes a number; write {_tidied(token)[:SHOWN]}",
                at,
                about_value=True,
            )
            return float(_tidied(token)) if len(token) < MOST_DIGITS else None
        elif ":" in token or "%" in token:
            self.note(f'{shown} needs double quotes: "{shown}"', at, about_value=True)
            return token
        else:
            self.note(
                f"{shown} is not a number; numbers are plain, as in 60 or 3.5, and texts in double quotes",
                at,
                about_value=True,
            )
        return None

    def word(self) -> object:
        at = self.at
        found = re.compile(BARE).match(self.text, at)
        word = found.group() if found else self.peek()
        self.at += len(word)
        if word in _WORDS:
            return _WORDS[word]
        if word in _FOREIGN_WORDS:
            value = _FOREIGN_WORDS[word]
            self.note(
                f"JSON writes {word} as {'null' if value is None else str(value).lower()}",
                at,
                about_value=True,
            )
            return value
        if word in _NOT_NUMBERS:
            self.note(f"{word} is not a number that JSON knows, nor one a run can use", at, about_value=True)
            return None
        self.note(f'a text needs double quotes: "{word[:SHOWN]}"', at, about_value=True)
        return word


def _tidied(token: str) -> str:
    """`+.5`, `01`, `5.` and `1_000` as JSON writes them."""
    sign = "-" if token.startswith("-") else ""
    whole, dot, rest = token.lstrip("+-").replace("_", "").partition(".")
    whole = whole.lstrip("0") or "0"
    return f"{sign}{whole}{dot if rest else ''}{rest}"
