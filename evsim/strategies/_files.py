"""Strategies from people's own Python files; the path comes from the command line, never from a config."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

from evsim._errors import StrategyError
from evsim.strategies._base import ChargingStrategy


def load_strategies(path: str | Path) -> dict[str, type[ChargingStrategy]]:
    """The strategies defined in a Python file, by name. The file is run.

    A strategy is a class with a `name` and either `orders(cars)` or, as a `PerCarStrategy`, `order(car)`.
    Raises StrategyError when the file cannot be run or holds none.
    """
    module = _run(Path(path))
    found = [rule for rule in vars(module).values() if _is_strategy(rule) and rule.__module__ == module.__name__]
    named = {rule.name: rule for rule in found if isinstance(rule.name, str) and rule.name}
    if not named:
        raise StrategyError(
            f'{path}: no strategy in it; write a class with `name = "my_rule"` that subclasses evsim.Strategy '
            "(orders for all cars at once) or evsim.PerCarStrategy (an order for one car)"
        )
    if len(named) < len([rule for rule in found if rule.name]):
        raise StrategyError(f"{path}: two strategies have the same name; give each its own")
    return named


def load_all(paths: Iterable[str | Path]) -> dict[str, type[ChargingStrategy]]:
    """The strategies of evsim and of files, by name. Raises StrategyError when two have one name."""
    from evsim.strategies import BUILT_IN

    strategies = dict(BUILT_IN)
    for path in paths:
        for name, rule in load_strategies(path).items():
            if name in strategies:
                raise StrategyError(f"{path}: there is a strategy {name!r} already; give yours another name")
            strategies[name] = rule
    return strategies


def _is_strategy(value: object) -> TypeGuard[type[ChargingStrategy]]:
    return isinstance(value, type) and isinstance(value, ChargingStrategy)


def _run(path: Path) -> ModuleType:
    if path.is_dir():
        raise StrategyError(f"{path}: a folder; give the path of a Python file with a strategy in it")
    if not path.is_file():
        raise StrategyError(f"{path}: no such file; give the path of a Python file with a strategy in it")
    spec = importlib.util.spec_from_file_location(f"evsim_strategy_file_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise StrategyError(f"{path}: not a Python file; its name should end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        line = _line_in(error, path)
        what = error.msg if isinstance(error, SyntaxError) else error
        raise StrategyError(f"{path}{line}: {type(error).__name__}: {what}") from error
    return module


def _line_in(error: BaseException, path: Path) -> str:
    """`, line 12`: where in the file an error came from."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}" if error.lineno else ""
    lines = []
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path.absolute()):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f", line {lines[-1]}" if lines else ""
