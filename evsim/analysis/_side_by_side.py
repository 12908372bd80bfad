"""Pieces of work that do not depend on one another, one forked child for each, as many at a time as there are cores.

A child inherits what its parent has made so far, so that the work itself need not be pickled; what it leaves is.
"""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeAlias, TypeVar

from evsim._crew import can_fork
from evsim._errors import InvariantError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

T = TypeVar("T")
"""What a piece of work leaves."""

Tell: TypeAlias = Callable[[float], None]
"""Called with how much of a piece of work is done [0-1]."""
Work: TypeAlias = Callable[[Tell], T]

_TELL_STEP = 0.01


def do_all(works: Sequence[Work[T]], tell: Tell, bytes_each: int, *, is_shared: bool = False) -> list[T]:
    """What pieces of work leave, in their order.

    bytes_each : memory that one needs; is_shared : whether a piece uses all cores by itself
    Raises what a piece raises.
    """
    parts = [0.0] * len(works)

    def told(i: int, part: float) -> None:
        parts[i] = part
        tell(sum(parts) / len(works))

    n = 1 if is_shared else _at_once(len(works), bytes_each)
    if n > 1:
        return _Children(works, told).run(n)
    return [work(lambda part, i=i: told(i, part)) for i, work in enumerate(works)]  # type: ignore[misc]


def _at_once(n_works: int, bytes_each: int) -> int:
    """As many as there are cores and memory for."""
    n = min(n_works, len(os.sched_getaffinity(0))) if can_fork() else 1
    if n <= 1:
        return 1
    from psutil import virtual_memory

    return max(1, min(n, int(virtual_memory().available) // bytes_each))


class _Child(NamedTuple):
    pid: int
    number: int


class _Children(Generic[T]):
    """The processes at work, a few at a time; none is left behind."""

    def __init__(self, works: Sequence[Work[T]], told: Callable[[int, float], None]) -> None:
        self._works, self._told = works, told
        self._living: dict[Connection, _Child] = {}
        self._found: dict[int, T] = {}

    def run(self, n: int) -> list[T]:
        """Do all, n at the same time."""
        from multiprocessing.connection import wait

        waiting = list(range(len(self._works)))
        try:
            while waiting or self._living:
                while waiting and len(self._living) < n:
                    self._begin(waiting.pop(0))
                for pipe in wait(list(self._living)):
                    self._hear(pipe)  # type: ignore[arg-type] # only connections were given
        finally:
            for pipe, child in self._living.items():
                os.kill(child.pid, signal.SIGKILL)
                os.waitpid(child.pid, 0)
                pipe.close()
        return [self._found[i] for i in range(len(self._works))]

    def _hear(self, pipe: Connection) -> None:
        """Take what a child tells: how far it is, what it leaves, or what it could not bear."""
        try:
            kind, told = pipe.recv()
        except EOFError:
            raise InvariantError("a process that lived a run has ended; is there enough memory?") from None
        if kind == "failed":
            raise told
        number = self._living[pipe].number
        if kind == "part":
            self._told(number, told)
            return
        self._told(number, 1.0)
        self._found[number] = told
        os.waitpid(self._living.pop(pipe).pid, 0)
        pipe.close()

    def _begin(self, number: int) -> None:
        from multiprocessing.connection import Pipe

        pipe, own = Pipe()
        with warnings.catch_warnings():
            # The linear algebra library keeps idle threads, which Python warns of; the child does not use them.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if not pid:
            pipe.close()
            for other in self._living:
                other.close()  # so that whoever waits for a parent that has ended is told so
            _live(self._works[number], own)
        own.close()
        self._living[pipe] = _Child(pid, number)


def _live(work: Work[Any], pipe: Connection) -> None:
    """The child's life. It flushes no buffer of its parent, and ends when its parent does."""
    status, last = 1, 0.0

    def tell(part: float) -> None:
        nonlocal last
        if part >= last + _TELL_STEP:
            last = part
            pipe.send(("part", part))

    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            pipe.send(("done", work(tell)))
            status = 0
        except Exception as error:  # noqa: BLE001 - it is raised again by the parent
            pipe.send(("failed", error))
    finally:
        os._exit(status)
