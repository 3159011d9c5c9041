"""The trading rule without backtrader: jump from decision to decision over plain lists.

It follows the one rule of ``strategies/lstm_signal.py`` and repeats the broker's floating-point
steps in its order (``BackBroker.check_submitted`` and ``_execute``), so that it arrives
at backtrader's numbers. A test holds them equal.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from cryptonn.trading.account import Fill, seconds_of
from cryptonn.trading.sizing import YEAR_SECONDS, account_value, order_units

__all__ = ["Account", "Tape", "make_tape", "trade"]


@dataclass(frozen=True)
class Tape:
    """Candles and signal as lists of length n, with what is needed to jump."""

    open: list[float]
    close: list[float]
    seconds: list[float]
    wanted: list[int]
    fillable: list[int]
    """Row of the first bar at or after each that traded; n if none."""
    change: list[int]
    """Row of the next bar that wants another direction; n if none."""


def make_tape(candles: pd.DataFrame, signal: pd.Series) -> Tape:
    """Prepare candles and signal; one tape serves any number of cost scenarios."""
    wanted = signal.to_numpy(dtype=np.int8)
    traded = candles["volume"].to_numpy() > 0
    turns = np.append(wanted[1:] != wanted[:-1], True)
    return Tape(
        open=candles["open"].to_numpy(dtype=np.float64).tolist(),
        close=candles["close"].to_numpy(dtype=np.float64).tolist(),
        seconds=seconds_of(pd.DatetimeIndex(candles.index)).tolist(),
        wanted=wanted.tolist(),
        fillable=_next_true(traded).tolist(),
        change=(_next_true(turns) + 1).tolist(),
    )


def _next_true(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return for each row the first row at or after it whose flag is set; n if none."""
    rows = np.where(flags, np.arange(len(flags)), len(flags))
    return np.minimum.accumulate(rows[::-1])[::-1]


@dataclass
class Account:
    """Cash and position while a tape is played."""

    cash: float
    commission: float
    concession: float
    borrow: float
    units: float = 0.0
    entry_price: float = 0.0
    charged: float = 0.0
    """Time up to which borrow has been charged, seconds."""
    rejections: int = 0
    fills: list[Fill] = field(default_factory=list)

    def charge(self, seconds: float) -> None:
        """Pay the borrow of a short up to a time."""
        if self.units < 0:
            years = (seconds - self.charged) / YEAR_SECONDS
            self.cash -= -self.units * self.entry_price * self.borrow * years
        self.charged = seconds

    def equity(self, close: float) -> float:
        """Return cash and position at ``close``."""
        return account_value(self.cash, self.units, self.entry_price, close)

    def can_close(self, close: float) -> bool:
        """Tell whether the broker accepts the order that closes the position.

        It fills it on paper at the close of the decision and wants the cash not to fall below 0:
        only a ruined short does. An order that opens a position is sized to pass.
        """
        cash = self.cash + self.units * close
        return cash - abs(self.units) * self.commission * close >= 0.0

    def close_position(self, bar: int, decided: int, at: float) -> None:
        """Fill the order that closes the position, at the open ``at`` of a bar."""
        units = self.units
        price = self._slipped(at, -self.units)
        self.cash += units * self.entry_price + units * (price - self.entry_price)
        commission = abs(units) * self.commission * price
        self.cash -= commission
        self.units = self.entry_price = 0.0
        self.fills.append(Fill(bar, decided, -units, price, commission, self.cash, 0.0, 0.0))

    def open_position(self, bar: int, decided: int, at: float, units: float) -> None:
        """Fill the order that opens a position from flat, unless the cash does
        not suffice at that open.
        """
        price = self._slipped(at, units)
        cash = self.cash - units * price
        commission = abs(units) * self.commission * price
        cash -= commission
        if cash < 0.0:
            self.rejections += 1
            return
        self.cash = cash
        self.units = units
        self.entry_price = price
        self.fills.append(Fill(bar, decided, units, price, commission, cash, units, price))

    def _slipped(self, price: float, units: float) -> float:
        return price * (1 + self.concession) if units > 0 else price * (1 - self.concession)


def trade(tape: Tape, account: Account, *, fraction: float) -> Account:
    """Play the tape: change the position whenever the signal wants another,
    and return the account after it.

    Orders of the close of bar t are checked at t+1 and filled at the first open from there
    on that traded; until then nothing else is decided. An order of the last bar comes to nothing.
    """
    bar = 0
    bars = len(tape.open)
    while bar < bars - 1:
        wanted = tape.wanted[bar]
        units = account.units
        if wanted * units > 0 or wanted == units == 0:
            bar = tape.change[bar]
            continue
        account.charge(tape.seconds[bar])
        close = tape.close[bar]
        opened = wanted and wanted * order_units(
            equity=account.equity(close),
            close=close,
            reversed_units=abs(units),
            fraction=fraction,
            commission=account.commission,
            concession=account.concession,
        )
        if units and not account.can_close(close):
            account.rejections += 1
            bar += 1
            continue
        filled = tape.fillable[bar + 1]
        if filled == bars:
            break
        account.charge(tape.seconds[filled])
        if units:
            account.close_position(filled, bar, tape.open[filled])
        if opened:
            account.open_position(filled, bar, tape.open[filled], opened)
        bar = filled
    account.charge(tape.seconds[-1])
    return account
