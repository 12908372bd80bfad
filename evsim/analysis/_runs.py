"""Runs that do not depend on one another, several at a time.

Each is lived by a forked child and leaves little: its measures, its power, one driver's night. The driver is chosen
in the first run, which therefore begins first; the others are told who it is and wait for that at their end.
Where the system cannot fork, and of crowds that are shared between processes anyway, runs come one after another.
"""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evsim._config.footprint import ALWAYS_FITS_BYTES, estimated_bytes
from evsim._crew import can_fork
from evsim._errors import InvariantError
from evsim._scenario import Scenario
from evsim._simulator import Progress, simulate
from evsim._units import Floats
from evsim.analysis._line import Line
from evsim.analysis._night import Example, Night, example_of, night_of

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_SHARED_CROWD = 40_000
"""From so many users on the simulator shares a run between processes itself."""


class Job(NamedTuple):
    """A run; shows_night : whether the example's night in it is wanted."""

    scenario: Scenario
    shows_night: bool


@dataclass(frozen=True)
class Outcome:
    """What a run leaves for a comparison.

    import_kw, export_kw : (n_steps,) mean power of everybody, drawn and given back [kW at the meter]
    example, night : who is looked at and what happened; None where that is not wanted, or there is nobody
    """

    measures: Line
    import_kw: Floats
    export_kw: Floats
    config_hash: str
    example: Example | None = None
    night: Night | None = None

    @property
    def net_kw(self) -> Floats:
        """(n_steps,) what is drawn less what is given back; negative where that is more [kW at the meter]."""
        return self.import_kw - self.export_kw


def run_all(jobs: Sequence[Job], progress: Progress | None = None) -> list[Outcome]:
    """The outcomes of runs, in their order. The first chooses the example.

    progress : called with (steps done, steps in all) over all runs, warm-ups included
    """
    tally = _Tally(len(jobs), progress)
    n = _at_once(jobs)
    if n > 1:
        return _Children(jobs, tally).run(n)
    found: list[Outcome] = []
    for i, job in enumerate(jobs):
        found.append(_lived(job, tally.of(i), None if i == 0 else lambda: found[0].example))
    return found


def _lived(job: Job, progress: Progress, example: Callable[[], Example | None] | None) -> Outcome:
    """Live a run. example : who is to be looked at, asked for at the end; without it, the run chooses."""
    results = simulate(job.scenario, progress)
    kw = results.import_kw.sum(axis=1), results.export_kw.sum(axis=1)
    outcome = Outcome(Line.of(results), *kw, job.scenario.config_hash)
    if not job.shows_night:
        return outcome
    chosen = example_of(results) if example is None else example()
    return replace(outcome, example=chosen, night=None if chosen is None else night_of(results, chosen))


def _at_once(jobs: Sequence[Job]) -> int:
    """How many runs may be lived at the same time: as many as there are cores, and memory."""
    n = min(len(jobs), len(os.sched_getaffinity(0))) if can_fork() else 1
    if n == 1 or max(job.scenario.population_size for job in jobs) >= _SHARED_CROWD:
        return 1
    needed = n * max(estimated_bytes(job.scenario, writes=True) for job in jobs)
    if needed > ALWAYS_FITS_BYTES:
        from psutil import virtual_memory

        return n if needed < virtual_memory().available else 1
    return n


class _Tally:
    """Progress over all runs."""

    def __init__(self, n: int, progress: Progress | None) -> None:
        self._progress = progress
        self._done, self._total = np.zeros(n, np.int64), 0
        self._n = n

    def of(self, i: int) -> Progress:
        """The progress of one run."""
        return lambda done, total: self.note(i, done, total)

    def note(self, i: int, done: int, total: int) -> None:
        """Run i has lived so many steps; all runs are taken to be as long."""
        self._done[i], self._total = done, total
        if self._progress is not None:
            self._progress(int(self._done.sum()), self._n * total)


class _Child(NamedTuple):
    pid: int
    job: int


class _Children:
    """The processes that live runs, a few at a time; none is left behind."""

    def __init__(self, jobs: Sequence[Job], tally: _Tally) -> None:
        self._jobs, self._tally = jobs, tally
        self._living: dict[Connection, _Child] = {}
        self._found: dict[int, Outcome] = {}

    def run(self, n: int) -> list[Outcome]:
        """Live all, n at the same time."""
        from multiprocessing.connection import wait

        waiting = list(range(len(self._jobs)))
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
        return [self._found[i] for i in range(len(self._jobs))]

    def _hear(self, pipe: Connection) -> None:
        """Take what a child tells: how far it is, an outcome, or what it could not bear."""
        job = self._living[pipe].job
        try:
            told = pipe.recv()
        except EOFError:
            raise InvariantError("a process that lived a run has ended; is there enough memory?") from None
        if isinstance(told, Exception):
            raise told
        if not isinstance(told, Outcome):
            self._tally.note(job, *told)
            return
        self._found[job] = told
        os.waitpid(self._living.pop(pipe).pid, 0)
        pipe.close()
        if job == 0:
            for other, child in self._living.items():
                self._tell(other, child.job)

    def _tell(self, pipe: Connection, job: int) -> None:
        if self._jobs[job].shows_night:
            pipe.send(self._found[0].example)

    def _begin(self, job: int) -> None:
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
            _live(self._jobs[job], own, is_first=job == 0)
        own.close()
        self._living[pipe] = _Child(pid, job)
        if 0 in self._found:
            self._tell(pipe, job)


def _live(job: Job, pipe: Connection, *, is_first: bool) -> None:
    """The child's life. It flushes no buffer of its parent, and ends when its parent does."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            pipe.send(_lived(job, lambda *steps: pipe.send(steps), None if is_first else pipe.recv))
            status = 0
        except Exception as error:  # noqa: BLE001 - it is raised again by the parent
            pipe.send(error)
    finally:
        os._exit(status)
