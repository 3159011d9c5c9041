"""The candle files a run file lists for each symbol, read and put together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cryptonn.errors import DataError, did_you_mean
from cryptonn.market.bars import FIELDS, bar_step, time_index
from cryptonn.market.extras import EXTRAS, summed
from cryptonn.market.files.formats import CandleFile, read_candle_file
from cryptonn.market.files.options import FileOptions
from cryptonn.market.merging import merge
from cryptonn.market.resample import resample
from cryptonn.market.supply import Supply
from cryptonn.market.timerange import TimeRange
from cryptonn.settings import DataConfig
from cryptonn.units import counted

__all__ = ["listed_candles"]


def listed_candles(config: DataConfig, *, now: pd.Timestamp | None = None) -> dict[str, Supply]:
    """Return the candles of each symbol of a run from its files, made into its timeframe
    if they are shorter.

    Bars that have not closed by ``now`` are left out and counted.

    Raises
    ------
    DataError
        If a file is missing, cannot be read, has another dialect or symbol than the run says,
        or lacks the extras it asks for, or two of them differ in timeframe or in a bar both have.
    ConfigError
        If bars of the timeframe cannot be made from the candles, or the dialect is unknown.
    """
    return {symbol: _supply(config, symbol, now=now) for symbol in config.symbols}


def _supply(config: DataConfig, symbol: str, *, now: pd.Timestamp | None) -> Supply:
    paths = [_find(name, config.folder) for name in config.files[symbol]]
    files = [
        read_candle_file(path, symbol=symbol, options=_options(config, symbol), now=now)
        for path in paths
    ]
    names = ", ".join(path.name for path in paths)
    timeframe = _timeframe(files)
    rows = _joined(files)
    candles = resample(
        rows[list(FIELDS)], source_timeframe=timeframe, timeframe=config.timeframe, source=names
    )
    extras = rows[list(EXTRAS)] if config.extras else None
    made = bar_step(timeframe) != bar_step(config.timeframe)
    return Supply(
        name=f"{symbol} {config.timeframe} {'made ' if made else ''}from {names}",
        place="in the files",
        holder="The files hold",
        candles=candles,
        timeframe=config.timeframe,
        origin=_origin(files) | ({"resampled_from": timeframe} if made else {}),
        remedy=_remedy,
        extras=extras
        if extras is None
        else summed(extras, times=time_index(candles), timeframe=config.timeframe),
    )


def _options(config: DataConfig, symbol: str) -> FileOptions:
    return FileOptions(
        dialect=config.dialect,
        date_order=config.date_order,
        timezone=config.timezone,
        where=config.where.get(symbol, {}),
        extras=config.extras,
    )


def _find(name: str, folder: Path) -> Path:
    """Return the path of a listed file: its own if it names a folder and is there,
    else in the folder of the run.
    """
    own = Path(name).expanduser()
    if own.is_absolute() or (own.name != name and own.exists()):
        folder = own.parent
        path = own
    else:
        path = folder / own
    if path.exists():
        return path
    if not folder.is_dir():
        where = f"The folder {folder} does not exist."
    else:
        where = (
            "It is not in "
            f"{folder}.{did_you_mean(own.name, [file.name for file in folder.iterdir()])}"
        )
    raise DataError(
        f"{name}: no such file. {where} Say where the files lie with --data FOLDER, "
        "or mend data.files in the run file."
    )


def _timeframe(files: Sequence[CandleFile]) -> str:
    other = next((file for file in files if file.timeframe != files[0].timeframe), None)
    if other is not None:
        raise DataError(
            f"{other.path}: its candles are of {other.timeframe}, those of {files[0].path} "
            f"of {files[0].timeframe}. List files of one timeframe under data.files "
            f"for {other.symbol}."
        )
    return files[0].timeframe


def _joined(files: Sequence[CandleFile]) -> pd.DataFrame:
    """Return the candles of all files, each time once, and their extras in the columns
    after them.
    """
    candles = _rows(files[0])
    read = files[:1]
    for file in files[1:]:
        found = merge(candles, _rows(file))
        if found.first is not None:
            time, field, old, new = found.first
            before = ", ".join(str(earlier.path) for earlier in read)
            raise DataError(
                f"{file.path}: {counted(found.differing, 'bar')} in conflict with {before}, "
                f"first at {time}: {field} is {new:.12g} here and {old:.12g} there. "
                f"{_remedy_of_conflict(found.times, read)}"
            )
        candles = found.candles
        read = [*read, file]
    return candles


def _remedy_of_conflict(times: pd.DatetimeIndex, read: Sequence[CandleFile]) -> str:
    """Say what to do about bars that differ; the last of an earlier file may have
    been unfinished.
    """
    lasts = {file.candles.index[-1]: file.path for file in read}
    if all(time in lasts for time in times):
        return (
            "There it came last and may have been in progress: delete the last row "
            f"of {lasts[times[0]]}, or leave that file out of data.files."
        )
    return "Leave one of the files out of data.files, or mend it."


def _rows(file: CandleFile) -> pd.DataFrame:
    return file.candles if file.extras is None else file.candles.join(file.extras)


def _origin(files: Sequence[CandleFile]) -> dict[str, Any]:
    repairs: dict[str, int] = {}
    for file in files:
        for kind, number in file.repairs.items():
            repairs[kind] = repairs.get(kind, 0) + number
    return {
        "exchange": "files",
        "repairs": repairs,
        "notes": list(dict.fromkeys(note for file in files for note in file.notes)),
        "files": [file.source for file in files],
    }


def _remedy(_: TimeRange) -> str:
    return "Add a file of those dates under data.files, or change data.train and data.test."
