"""cryptonn: does this neural-net crypto signal make money after fees?

>>> import cryptonn
>>> result = cryptonn.run("backtests/eth_5m_2018.toml")  # doctest: +SKIP
>>> result.comparison[["period", "strategy", "fees", "net_return"]]  # doctest: +SKIP
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptonn.config import RunConfig
    from cryptonn.runs import Run

__all__ = ["open_run", "run"]


def run(source: "RunConfig | Path | str", *, results: Path | str = "backtests/results") -> "Run":
    """Do the whole job of a run file: train, validate, backtest with and without fees, report.

    Parameters
    ----------
    source
        A run file, or its configuration.
    results
        Folder that gets the run's folder.

    Returns
    -------
    Run
        Its parts are pandas tables: ``comparison``, ``predictions``, ``history``,
        ``backtests[period][i].equity``, …

    Raises
    ------
    CryptonnError
        If something the user can mend is wrong.
    """
    from cryptonn import pipeline

    return pipeline.run(source, results=Path(results))


def open_run(name: str, *, results: Path | str = "backtests/results") -> "Run":
    """Read a run from disk by its folder, its folder's name, or its file's name
    (then the latest).
    """
    from cryptonn import pipeline

    return pipeline.open_run(name, results=Path(results))
