"""Everything that can go wrong for a user, grouped by who must act.

    CryptonnError
    ├── ConfigError     a run file or an option: mend the setting
    ├── DataError       a file, a candle table, the store: mend or fetch the data
    ├── StrategyError   a strategy file: mend the strategy
    ├── ModelError      a fitted model does not fit its inputs: choose or train another
    ├── ExchangeError   an exchange or the network: wait, or choose another
    └── OutputError     a folder or disk cannot be written: make room

The command line prints the message alone and exits with 2; anything else is a bug
and keeps its trace.
"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "ConfigError",
    "CryptonnError",
    "DataError",
    "ExchangeError",
    "InterruptedFit",
    "ModelError",
    "OutputError",
    "StrategyError",
    "did_you_mean",
]


class CryptonnError(Exception):
    """Base of every error a user can mend; its text says what, where and what to do."""


class ConfigError(CryptonnError):
    """A setting in a run file or on the command line is wrong."""


class DataError(CryptonnError):
    """A data file, a candle table or the store does not hold what is needed."""


class StrategyError(CryptonnError):
    """A strategy cannot be loaded or run."""


class ModelError(CryptonnError):
    """A fitted model cannot be loaded or does not fit the features it is given."""


class InterruptedFit(ModelError):
    """Ctrl-C came before the first epoch of a fit was done."""


class ExchangeError(CryptonnError):
    """An exchange refused, or could not be reached."""


class OutputError(CryptonnError):
    """A result cannot be written."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest known word, or "" if none is near.

    >>> did_you_mean("lookbak", ["lookback", "horizon"])
    " Did you mean 'lookback'?"
    """
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
