"""Blocks of people lived by processes of their own: numpy's threads would wait for one another.

A child is forked for each core, lives its blocks through the whole plan and tells the totals of each stretch through
a pipe. People's columns and their logs lie in memory that it shares with its parent, so nothing large is copied. Where
the system cannot fork, or a rule is not evsim's own and may remember what it has seen, the blocks are lived one after
the other.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import numpy as np

from evsim._errors import InvariantError
from evsim._pages import Pages
from evsim._population import Population
from evsim._totals import Snapshot

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


class Stretch(NamedTuple):
    """Steps `first` to `end`, lived up to each whole multiple of `stride`, or (0) in one go."""

    first: int
    end: int
    stride: int


class Block(Protocol):
    """Some of the people, and how they live."""

    people: Population

    def live(self, stretch: Stretch) -> Snapshot | None:
        """Live a stretch; returns its totals, and none in the warm-up."""
        ...


def can_fork() -> bool:
    """On Linux with a second core, in a process without threads of its own that is not one of many itself."""
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) == 1 or threading.active_count() > 1:
        return False
    from multiprocessing import parent_process

    return parent_process() is None


def share(people: Population) -> None:
    """Move the people's columns into memory that children share; blocks are to be made afterwards."""
    pages, n = Pages(), len(people)
    for name, column in list(vars(people).items()):
        if isinstance(column, np.ndarray) and column.shape == (n,):
            shared = pages.empty(n, column.dtype.type)
            shared[:] = column
            setattr(people, name, shared)


class _Child(NamedTuple):
    pid: int
    hears: Connection
    blocks: list[int]


class Crew:
    """The processes that live some blocks; a context, behind which none is left."""

    def __init__(self, blocks: Sequence[Block], plan: Sequence[Stretch]) -> None:
        self._blocks, self._plan = blocks, plan
        self._children: list[_Child] = []

    def __enter__(self) -> Self:
        for block in self._blocks:
            block.people.events.keep_in(Pages())
        n = min(len(self._blocks), len(os.sched_getaffinity(0)))
        for i in range(n):
            self._children.append(self._fork(list(range(i, len(self._blocks), n))))
        return self

    def __exit__(self, *exception: object) -> None:
        for child in self._children:
            os.kill(child.pid, signal.SIGKILL)  # of no consequence to one that is done
            os.waitpid(child.pid, 0)
            child.hears.close()

    def stretches(self) -> Iterator[list[Snapshot | None]]:
        """The totals of each block for each stretch of the plan, in order."""
        for _ in self._plan:
            lived: dict[int, Snapshot | None] = {}
            for child in self._children:
                lived.update(zip(child.blocks, _heard(child), strict=True))
            yield [lived[i] for i in range(len(self._blocks))]
        for child in self._children:
            for i, left in zip(child.blocks, _heard(child), strict=True):
                self._blocks[i].people.take_from_child(left)

    def _fork(self, mine: list[int]) -> _Child:
        from multiprocessing.connection import Pipe

        hears, tells = Pipe(duplex=False)
        with warnings.catch_warnings():
            # The linear algebra library keeps idle threads, which Python warns of; the child does not use them.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if not pid:
            hears.close()
            self._live(mine, tells)
        tells.close()
        return _Child(pid, hears, mine)

    def _live(self, mine: list[int], tells: Connection) -> None:
        """The child's life. It flushes no buffer of its parent, and ends when its parent does."""
        status = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            try:
                for stretch in self._plan:
                    tells.send([self._blocks[i].live(stretch) for i in mine])
                tells.send([self._blocks[i].people.for_parent() for i in mine])
                status = 0
            except Exception as error:  # noqa: BLE001 - it is raised again by the parent
                tells.send(error)
        finally:
            os._exit(status)


def _heard(child: _Child) -> Any:  # noqa: ANN401 - totals, or what is left of people
    """What a child tells next; raises what it could not bear."""
    try:
        told = child.hears.recv()
    except EOFError:
        raise InvariantError("a process that lived a part of the people has ended; is there enough memory?") from None
    if isinstance(told, Exception):
        raise told
    return told
