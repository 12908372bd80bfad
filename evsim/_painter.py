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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Generic, Self, TypeVar

from evsim._results import Results

if TYPE_CHECKING:
    from evsim.analysis import Comparison
    from evsim.analysis._truth_lab import BaselineErrors
    from evsim.market import Deliveries, DispatchView

T = TypeVar("T")
"""What is drawn."""

_CLOSED = -1
_GO = b"!"


class Painter(Generic[T]):
    """A hand that is ready to draw: enter it early, `begin` when there are results, `finish` before the files move.

    draw : draws something that can be pickled into a folder; it loads matplotlib itself
    What is to be drawn goes into a nameless file that both processes hold open; the end of a pipe says that it is
    there. So the first process never waits for the child to be ready.
    """

    def __init__(self, draw: Callable[[T, Path], object]) -> None:
        self._draw = draw
        self._child = 0
        self._letter: IO[bytes] | None = None
        self._bell = _CLOSED
        self._commission: tuple[T, Path] | None = None

    def __enter__(self) -> Self:
        if _can_fork():
            self._letter = TemporaryFile()
            self._child, self._bell = _fork(self._letter, self._draw)
        return self

    def __exit__(self, *exception: object) -> None:
        self._dismiss()

    def begin(self, what: T, folder: Path) -> None:
        """Tell the child what the pictures are drawn from."""
        self._commission = what, folder
        if self._letter is not None:
            try:
                pickle.dump(self._commission, self._letter)
                self._letter.flush()
            except (OSError, pickle.PicklingError, AttributeError, TypeError):
                self._dismiss()  # then this process draws: a picture late is better than none
            else:
                os.write(self._bell, _GO)

    def finish(self) -> None:
        """Wait until the pictures are drawn, or draw them."""
        if self._commission is not None and not self._dismiss():
            self._draw(*self._commission)

    def _dismiss(self) -> bool:
        """Let the child end; whether it drew what it was told."""
        if not self._child:
            return False
        os.close(self._bell)
        child, self._child = self._child, 0
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@dataclass(frozen=True)
class Subject:
    """What the pictures of a run are drawn from: the arrays and the counts of its `Results`, without the people."""

    results: Results
    dispatches: tuple[DispatchView, ...] = ()

    @classmethod
    def of(cls, results: Results, delivered: Deliveries | None = None) -> Self:
        """Of a run and, if it had any, of its dispatches."""
        if delivered is None:
            return cls(results.without_people())
        from evsim.market import view

        seen = (view(delivered, one) for one in delivered.each)
        return cls(results.without_people(), tuple(one for one in seen if one is not None))


def draw_run(subject: Subject, folder: Path) -> None:
    """Draw a run's pictures."""
    from evsim.plots import save_all

    save_all(subject.results, folder)
    if subject.dispatches:
        from evsim.plots import save_dispatches

        save_dispatches(subject.dispatches, folder)


def draw_comparison(comparison: Comparison, folder: Path) -> None:
    """Draw the pictures of variants side by side."""
    from evsim.plots import save_comparison

    save_comparison(comparison, folder)


def draw_baseline_errors(errors: BaselineErrors, folder: Path) -> None:
    """Draw how wrong baselines are."""
    from evsim.plots import save_baseline_errors

    save_baseline_errors(errors, folder)


def _can_fork() -> bool:
    """On Linux with a second core; on macOS a fork may upset its frameworks."""
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1


def _fork(letter: IO[bytes], draw: Callable[[T, Path], object]) -> tuple[int, int]:
    """A child that lives `_live`, and the bell (a pipe's end) that it listens to."""
    listens, bell = os.pipe()
    with warnings.catch_warnings():
        # The linear algebra library keeps idle threads, which Python warns of; the child does not use them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        os.close(bell)
        _live(listens, letter, draw)
    os.close(listens)
    return child, bell


def _live(listens: int, letter: IO[bytes], draw: Callable[[T, Path], object]) -> None:
    """The child's life: load, wait, draw, leave. It flushes no buffer of its parent, and ends when its parent does."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        import evsim.plots  # noqa: F401 - what this process is for

        if os.read(listens, len(_GO)) == _GO:
            letter.seek(0)
            draw(*pickle.load(letter))  # noqa: S301 - from ourselves, in a file without a name
            status = 0
    finally:
        os._exit(status)
