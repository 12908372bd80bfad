"""Blocks of people lived by processes of their own: numpy's threads would wait for one another.

A child is forked for each core, lives its blocks through the whole plan and tells the totals of each stretch through
a pipe. Where blocks are to agree on something, it tells what they say of themselves and waits for the verdict: the
parent hears all children, agrees in the order of blocks, and answers. People's columns and their logs lie in memory
that it shares with its parent, so nothing large is copied. Where the system cannot fork, or a rule is not evsim's own
and may remember what it has seen, the blocks are lived one after the other, or side by side from one decision to the
next.
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
from evsim.strategies._parts import Agree, Said, Talk, together

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

    def for_parent(self) -> tuple[Any, ...]:
        """What the parent needs to know beside the columns, which it shares."""
        ...

    def take_from_child(self, told: tuple[Any, ...]) -> None:
        """Be the block that a child has lived."""
        ...

    def live(self, stretch: Stretch) -> Talk[Snapshot | None]:
        """Live a stretch, agreeing with other blocks on the way; returns its totals, and none in the warm-up."""
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
    line: Connection
    blocks: list[int]


class _Question(NamedTuple):
    """What the blocks of a child say of themselves, to be agreed on by all."""

    said: list[Said]


class Crew:
    """The processes that live some blocks; a context, behind which none is left."""

    def __init__(self, blocks: Sequence[Block], plan: Sequence[Stretch], agree: Agree) -> None:
        self._blocks, self._plan, self._agree = blocks, plan, agree
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
            child.line.close()

    def stretches(self) -> Iterator[list[Snapshot | None]]:
        """The totals of each block for each stretch of the plan, in order."""
        for _ in self._plan:
            yield self._told()
        for block, left in zip(self._blocks, self._told(), strict=True):
            block.take_from_child(left)

    def _told(self) -> list[Any]:
        """What children tell next of each block, after all that is to be agreed on before it."""
        while True:
            heard = [_heard(child) for child in self._children]
            asking = [isinstance(told, _Question) for told in heard]
            if not any(asking):
                return self._by_block(heard)
            if not all(asking):
                raise InvariantError("processes are not in step; a bug of evsim, please report it")
            verdicts = self._agree(self._by_block([question.said for question in heard]))
            for child in self._children:
                _tell(child, [verdicts[i] for i in child.blocks])

    def _by_block(self, told: Sequence[Sequence[Any]]) -> list[Any]:
        """What each child tells of its blocks, in the order of blocks."""
        by_block: dict[int, Any] = {}
        for child, parts in zip(self._children, told, strict=True):
            by_block.update(zip(child.blocks, parts, strict=True))
        return [by_block[i] for i in range(len(self._blocks))]

    def _fork(self, mine: list[int]) -> _Child:
        from multiprocessing.connection import Pipe

        ours, theirs = Pipe()
        with warnings.catch_warnings():
            # The linear algebra library keeps idle threads, which Python warns of; the child does not use them.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if not pid:
            for line in (ours, *(child.line for child in self._children)):  # else it would not hear the parent end
                line.close()
            self._live(mine, theirs)
        theirs.close()
        return _Child(pid, ours, mine)

    def _live(self, mine: list[int], line: Connection) -> None:
        """The child's life. It flushes no buffer of its parent, and ends when its parent does."""

        def agree(said: list[Said]) -> Sequence[Any]:
            line.send(_Question(said))
            verdicts: Sequence[Any] = line.recv()
            return verdicts

        status = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            try:
                for stretch in self._plan:
                    line.send(together([self._blocks[i].live(stretch) for i in mine], agree))
                line.send([self._blocks[i].for_parent() for i in mine])
                status = 0
            except Exception as error:  # noqa: BLE001 - it is raised again by the parent
                line.send(error)
        finally:
            os._exit(status)


def _heard(child: _Child) -> Any:  # noqa: ANN401 - totals, what is left of people, or a question
    """What a child tells next; raises what it could not bear."""
    try:
        told = child.line.recv()
    except (EOFError, ConnectionError):
        raise _has_ended() from None
    if isinstance(told, Exception):
        raise told
    return told


def _tell(child: _Child, verdicts: list[Any]) -> None:
    try:
        child.line.send(verdicts)
    except ConnectionError:
        raise _has_ended() from None


def _has_ended() -> InvariantError:
    return InvariantError("a process that lived a part of the people has ended; is there enough memory?")
