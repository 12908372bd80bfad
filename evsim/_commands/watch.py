"""Run again whenever a file is saved: its time and size are looked at a few times a second.

Systems differ in how they tell of files (inotify, kqueue, ...) and editors in how they save; a look at a handful of
files costs some microseconds, is right on network drives too, and needs no dependency.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import typer

from evsim._config.override import Override
from evsim._config.source import ConfigSource
from evsim._errors import ConfigError, EvsimError

LOOK_EVERY_S = 0.3

_Stamp: TypeAlias = tuple[int, int, int] | None
"""Time of the last change, size, and which file it is; None when there is none."""


def keep_running(
    config: Path, others: Callable[[], Iterable[Path]], act: Callable[[], None], *, quiet: bool = False
) -> NoReturn:
    """Act, and again whenever `config` or one of `others` has been saved; a fault is told, and the next save awaited.

    Only Ctrl-C ends it, with 130 as everywhere: there is no other way to say whether the last run went well.
    Raises ConfigError when there is no such config: then nothing will be saved.
    """
    if not config.is_file():
        raise ConfigError(f"{config}: no such file; there is nothing to watch")
    sys.dont_write_bytecode = True  # Python takes a rule saved twice in a second for the same
    is_first = True
    while True:
        before = _stamps((config, *others()))
        _attempt(act)
        if is_first and not quiet:
            typer.echo(f"watching {', '.join(str(p) for p, stamp in before.items() if stamp)}; Ctrl-C ends", err=True)
        is_first = False
        _await_change(config, before)


def named_files(config: Path, given: Sequence[Override] = ()) -> list[Path]:
    """The files that a config names, such as its archetypes or sessions: texts in it that are files beside it."""
    try:
        tree = ConfigSource.of_file(config).tree
    except ConfigError:
        return []
    texts = [*_texts(tree), *(override[1] for override in given)]
    return [config.parent / text for text in dict.fromkeys(texts) if _may_be_a_file(text)]


def _may_be_a_file(text: str) -> bool:
    """One that is not there yet counts: it may be what is missing."""
    ending = text.rpartition(".")[2]
    return ending != text and ending.isalpha() and "\n" not in text and "\0" not in text


def _texts(tree: Any) -> Iterator[str]:  # noqa: ANN401 - anything in JSON
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict | list):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from _texts(part)


def _attempt(act: Callable[[], None]) -> None:
    try:
        act()
    except BrokenPipeError:
        raise
    except (EvsimError, OSError, MemoryError) as error:
        typer.echo(f"{time.strftime('%H:%M:%S')} {error or type(error).__name__}", err=True)


def _stamps(files: Iterable[Path]) -> dict[Path, _Stamp]:
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> _Stamp:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _await_change(config: Path, before: dict[Path, _Stamp]) -> None:
    """Wait until something is saved, and then until it is saved whole: nothing changes between two looks."""
    while (now := _stamps(before)) == before:
        time.sleep(LOOK_EVERY_S)
    while True:
        time.sleep(LOOK_EVERY_S)
        last, now = now, _stamps(before)
        if now == last and now[config] is not None:
            return
