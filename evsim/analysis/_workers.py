"""Runs lived side by side, each by one process.

`concurrent.futures` is not used: of a process that died it does not say which run it had, on Ctrl-C it waits, and its
processes stay for ever when their parent is killed. Here a process ends when its parent does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from multiprocessing import connection, get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from evsim._errors import ConfigError, EvsimError, StrategyError
from evsim._scenario import Scenario
from evsim._simulator import simulate
from evsim.analysis._grid import Run
from evsim.analysis._measures import Measured, measures, rounded
from evsim.strategies._files import load_all

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from evsim._config.charging import Strategies

Tell: TypeAlias = Callable[[int, float], None]
"""Called with (a run's place, how much of it is lived [0-1])."""

_TELL_EVERY_S = 0.25
_END_S = 5.0


class Lived(NamedTuple):
    """A run that is done: its place among the runs, what was measured, and how long it took [s]."""

    place: int
    measured: Measured
    simulate_s: float


class _Worker(NamedTuple):
    process: BaseProcess
    pipe: Connection


def live_all(runs: Sequence[Run], files: Sequence[Path], jobs: int, tell: Tell) -> Generator[Lived]:
    """Live the runs, `jobs` at a time, and yield each as it ends.

    files : people's own strategies, which every process loads
    With one job the runs are lived here, and a large one may use every core (decision 0006); otherwise each has one.
    Raises what a run raises, and EvsimError when a process dies.
    """
    if min(jobs, len(runs)) > 1:
        yield from _side_by_side(runs, files, min(jobs, len(runs)), tell)
        return
    strategies = load_all(files) if files else None
    for place, run in enumerate(runs):
        yield Lived(place, *_told_or_raised(_attempt(run, strategies, _seldom(partial(tell, place)))))


def _side_by_side(runs: Sequence[Run], files: Sequence[Path], jobs: int, tell: Tell) -> Generator[Lived]:
    workers: list[_Worker] = []
    try:
        for _ in range(jobs):
            workers.append(_start(files, [worker.pipe for worker in workers]))
        pending = iter(range(len(runs)))
        at_work = {worker.pipe: (worker, next(pending)) for worker in workers}
        for pipe, (_, place) in at_work.items():
            pipe.send(runs[place])
        while at_work:
            for pipe in cast("list[Connection]", connection.wait(list(at_work))):
                worker, place = at_work[pipe]
                told = _heard(worker, runs[place])
                if isinstance(told, float):
                    tell(place, told)
                    continue
                yield Lived(place, *told)
                _give_next(at_work, worker, runs, pending)
    finally:
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.process.join()
            worker.pipe.close()


def _give_next(
    at_work: dict[Connection, tuple[_Worker, int]], worker: _Worker, runs: Sequence[Run], pending: Iterator[int]
) -> None:
    place = next(pending, None)
    if place is None:
        del at_work[worker.pipe]
        return
    at_work[worker.pipe] = (worker, place)
    worker.pipe.send(runs[place])


def _heard(worker: _Worker, run: Run) -> Any:  # noqa: ANN401 - a part of a run, or what it left
    """What a process tells; raises what it could not bear."""
    try:
        told = worker.pipe.recv()
    except (EOFError, ConnectionError):
        worker.process.join(_END_S)
        raise EvsimError(
            f"{run.words}: its process has died (status {worker.process.exitcode}); is there enough memory? "
            "Fewer at a time with --jobs need less"
        ) from None
    return _told_or_raised(told)


def _told_or_raised(told: Any) -> Any:  # noqa: ANN401 - as above
    if isinstance(told, Exception):
        raise told
    return told


# ---- a process


def _start(files: Sequence[Path], earlier: Sequence[Connection]) -> _Worker:
    """A process that waits for runs. Forked on Linux, where that is safe and at once; elsewhere begun anew."""
    is_fork = sys.platform == "linux" and threading.active_count() == 1
    context: Any = get_context("fork" if is_fork else "spawn")
    ours, theirs = context.Pipe()
    to_close = [*earlier, ours] if is_fork else []
    process = context.Process(target=_work, args=(theirs, to_close, tuple(files), os.getpid()))
    with warnings.catch_warnings():
        # The linear algebra library keeps idle threads, which Python warns of; the child does not use them.
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    theirs.close()
    return _Worker(process, ours)


def _work(pipe: Connection, to_close: Sequence[Connection], files: Sequence[Path], parent: int) -> None:
    """A process's life: it ends when its parent does, whom Ctrl-C is for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for inherited in to_close:  # else the ends of pipes would be held open, and the end of the parent not be heard
        inherited.close()
    strategies = load_all(files) if files else None

    def told(part: float) -> None:
        if sys.platform != "win32" and os.getppid() != parent:
            os._exit(1)
        pipe.send(part)

    try:
        while True:
            pipe.send(_attempt(pipe.recv(), strategies, _seldom(told)))
    except (EOFError, ConnectionError):
        os._exit(1)


def _attempt(run: Run, strategies: Strategies | None, told: Callable[[float], None]) -> object:
    try:
        return _live(run, strategies, told)
    except (EvsimError, OSError, MemoryError) as error:
        kind = type(error) if isinstance(error, ConfigError | StrategyError) else EvsimError
        return kind(f"{run.words}: {error or type(error).__name__}")
    except Exception as error:  # noqa: BLE001 - a bug: it is raised again by the parent, with where it was
        return RuntimeError(f"{run.words}: {type(error).__name__}: {error}\n{traceback.format_exc()}")


def _live(run: Run, strategies: Strategies | None, told: Callable[[float], None]) -> tuple[Measured, float]:
    """Live one run: what is measured of it, and how long it took."""
    began = time.perf_counter()
    scenario = Scenario.from_dict(json.loads(run.config), strategies=strategies)
    if scenario.config_hash != run.config_hash:
        raise ConfigError(
            f"{run.words}: a file that the config names has changed since the sweep began; begin it again"
        )
    results = simulate(scenario, lambda done, total: told(done / total))
    return rounded(measures(results)), time.perf_counter() - began


def _seldom(told: Callable[[float], None]) -> Callable[[float], None]:
    """Told a few times a second at most."""
    last = -_TELL_EVERY_S

    def seldom(part: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _TELL_EVERY_S:
            last = now
            told(part)

    return seldom
