"""Pictures drawn by a second process while the first one simulates and writes its tables.

Loading matplotlib takes longer than a small run takes in all. Where the system can fork, a child loads it from
the start and draws when the results come; elsewhere, and whenever the child does not manage, this process draws.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Self

from evsim._results import Results


class Painter:
    """A hand that is ready to draw: enter it early, `begin` when there are results, `finish` before the files move."""

    def __init__(self) -> None:
        self._child = 0
        self._pipe: BinaryIO | None = None
        self._commission: tuple[Results, Path] | None = None

    def __enter__(self) -> Self:
        if _can_fork():
            self._child, self._pipe = _fork()
        return self

    def __exit__(self, *exception: object) -> None:
        self._dismiss()

    def begin(self, results: Results, folder: Path) -> None:
        """Send the child what a picture is drawn from: the arrays, and not the people."""
        self._commission = results, folder
        people: Any = None
        if self._pipe is not None:
            try:
                self._pipe.write(pickle.dumps((replace(results, users=people), folder)))
                self._pipe.close()
            except (OSError, pickle.PicklingError, AttributeError, TypeError):
                self._dismiss()  # then this process draws: a picture late is better than none

    def finish(self) -> None:
        """Wait until the pictures are drawn, or draw them."""
        if self._commission is not None and not self._dismiss():
            _draw(*self._commission)

    def _dismiss(self) -> bool:
        """Let the child end; whether it drew what it was told."""
        if not self._child:
            return False
        if self._pipe is not None and not self._pipe.closed:
            self._pipe.close()
        child, self._child = self._child, 0
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _draw(results: Results, folder: Path) -> None:
    from evsim.plots import save_all

    save_all(results, folder)


def _can_fork() -> bool:
    """On Linux with a second core; on macOS a fork may upset its frameworks."""
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1


def _fork() -> tuple[int, BinaryIO]:
    """A child that lives `_live`, and the pipe to it."""
    from_parent, to_child = os.pipe()
    with warnings.catch_warnings():
        # The linear algebra library keeps idle threads, which Python warns of; the child does not use them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        os.close(to_child)
        _live(from_parent)
    os.close(from_parent)
    return child, os.fdopen(to_child, "wb")


def _live(from_parent: int) -> None:
    """The child's life: load, wait, draw, leave. It flushes no buffer of its parent, and ends when the pipe does."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        import evsim.plots  # noqa: F401 - what this process is for

        with os.fdopen(from_parent, "rb") as pipe:
            message = pipe.read()
        if message:
            _draw(*pickle.loads(message))  # noqa: S301 - from ourselves, through our own pipe
            status = 0
    finally:
        os._exit(status)
