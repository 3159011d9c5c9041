"""Load users' strategies: one plain backtrader class a file, by name or by path."""

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import backtrader as bt

from cryptonn.errors import StrategyError, did_you_mean

__all__ = [
    "check_strategies",
    "load_strategy",
    "strategy_files",
    "strategy_names",
    "strategy_parameters",
]


def load_strategy(name_or_path: str | Path, *, folder: Path = Path("strategies")) -> type:
    """Return the strategy class of a file.

    Parameters
    ----------
    name_or_path
        ``"momentum"`` for ``strategies/momentum.py``, or the path of a file.
    folder
        Where names are looked up.

    Raises
    ------
    StrategyError
        If the file is missing, cannot be run, or does not hold exactly one strategy class.
    """
    path = _find(str(name_or_path), folder)
    # The file's classes say they live in this module: backtrader looks a class's module up
    # by name when it makes or instantiates one, and this one is always there.
    # So nothing is added to sys.modules and equal names never meet.
    namespace: dict[str, Any] = {"__name__": __name__, "__file__": str(path)}
    _execute(path, namespace)
    found = [value for value in namespace.values() if _is_strategy(value)]
    found = list(dict.fromkeys(found))
    if not found:
        raise StrategyError(
            f"{path}: holds no strategy. Write one class that derives from bt.Strategy."
        )
    if len(found) > 1:
        names = ", ".join(cls.__name__ for cls in found)
        raise StrategyError(f"{path}: holds {len(found)} strategies ({names}). Keep one a file.")
    strategy: type = found[0]
    return strategy


def check_strategies(
    strategies: Iterable[str],
    parameters: Mapping[str, Mapping[str, Any]],
    *,
    folder: Path = Path("strategies"),
) -> None:
    """Load every strategy and look at its parameters, so that a mistake is found before anything
    is trained or traded.

    Raises
    ------
    StrategyError
        As ``load_strategy``, ``strategy_files`` and ``strategy_parameters``, or if parameters
        are given for a strategy that is not among them.
    """
    files = strategy_files(strategies, folder=folder)
    for name in parameters:
        if name not in files:
            raise StrategyError(
                f"backtest.parameters.{name}: no such strategy is "
                f"traded.{did_you_mean(name, files)} Traded: {', '.join(files)}."
            )
    for name, file in files.items():
        strategy_parameters(load_strategy(file), parameters.get(name, {}), {}, name=name)


def strategy_files(
    strategies: Iterable[str], *, folder: Path = Path("strategies")
) -> dict[str, Path]:
    """Return the file of each strategy by the name under which its results stand: the file's own.

    Raises
    ------
    StrategyError
        If a file is missing, or two files share a name, since one's results would
        replace the other's.
    """
    files: dict[str, Path] = {}
    for given in strategies:
        path = _find(given, folder)
        other = files.setdefault(path.stem, path)
        if other.resolve() != path.resolve():
            raise StrategyError(
                f"two strategies are called {path.stem!r}: {other} and {path}. Rename one file."
            )
    return files


def strategy_names(folder: Path = Path("strategies")) -> list[str]:
    """Return the names of the strategy files in ``folder``."""
    return sorted(file.stem for file in folder.glob("*.py") if not file.name.startswith("_"))


def strategy_parameters(
    strategy: type, parameters: Mapping[str, Any], defaults: Mapping[str, Any], *, name: str
) -> dict[str, Any]:
    """Return the parameters to give a strategy: the user's, then the run's where the strategy
    declares them.

    Raises
    ------
    StrategyError
        If the user set one that the strategy does not declare.
    """
    declared: Any = strategy
    known = [
        key for key in declared.params._getkeys() if not key.startswith("_") and key != "signals"
    ]
    for key in parameters:
        if key not in known:
            has = f"It has: {', '.join(known)}." if known else "It has none."
            raise StrategyError(
                f"strategy {name!r} has no parameter {key!r}.{did_you_mean(key, known)} {has}"
            )
    return {key: value for key, value in defaults.items() if key in known} | dict(parameters)


def _find(text: str, folder: Path) -> Path:
    if text.endswith(".py") or "/" in text or "\\" in text:
        path = Path(text)
        names = [str(file) for file in sorted(path.parent.glob("*.py"))]
    else:
        path = folder / f"{text}.py"
        names = strategy_names(folder)
    if path.is_file():
        return path
    listed = (
        f" There are: {', '.join(names)}."
        if names
        else f" There is no strategy in {path.parent.resolve()}."
    )
    raise StrategyError(f"{path}: no such strategy file.{did_you_mean(text, names)}{listed}")


def _execute(path: Path, namespace: dict[str, Any]) -> None:
    try:
        source = path.read_text(encoding="utf-8")
        exec(compile(source, str(path), "exec"), namespace)
    except SyntaxError as error:
        raise StrategyError(
            f"{error.filename}, line {error.lineno}: {error.msg}. Mend the strategy."
        ) from error
    except (OSError, ValueError) as error:
        raise StrategyError(f"{path}: cannot be read ({error}).") from error
    except Exception as error:  # the border of a user's code, which may raise anything
        raise StrategyError(
            f"{_where(error, path)}: {type(error).__name__}: {error}. Mend the strategy."
        ) from error


def _where(error: Exception, path: Path) -> str:
    trace = error.__traceback__
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{path}, line {line}" if line else str(path)


def _is_strategy(value: object) -> bool:
    return (
        inspect.isclass(value) and issubclass(value, bt.Strategy) and value.__module__ == __name__
    )
