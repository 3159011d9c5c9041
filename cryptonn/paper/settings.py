"""What a paper session is told besides its run: where to trade, with how much,
under which costs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Literal

from cryptonn.errors import ConfigError, did_you_mean

__all__ = ["PORT", "PaperSettings", "symbols_of"]

FeeIn = Literal["quote", "base"]

PORT = 8765
"""Of the local exchange, unless told otherwise."""


@dataclass(frozen=True)
class PaperSettings:
    """Settings of one session; a session goes on only with the same ones.

    Attributes
    ----------
    exchange
        Sandbox that gets the orders: "binance", "gemini", "alpaca", or "local" or "local-gemini" on
        this machine.
    fees
        Cost scenario of the backtest that is mirrored.
    cash
        Quote that the strategy trades with; the run's own starting money if None.
    symbols
        Name at the exchange of each symbol of the run that has another there, such as ETH/USD →
        ETH/USDT.
    candles
        Exchange whose public candles are read; None for those of the exchange that gets the orders:
        its real market, or what the local exchange replays.
    max_gap
        Bars in a row without a candle after which nothing is decided until the network's window is
        past them.
    fee_in
        Currency of a buy's commission, "quote" or "base"; None for what the exchange usually does.
    """

    exchange: str = "local"
    fees: str = "taker+slippage"
    cash: Decimal | None = None
    symbols: Mapping[str, str] = field(default_factory=dict)
    candles: str | None = None
    max_gap: int = 5
    fee_in: FeeIn | None = None

    @property
    def is_local(self) -> bool:
        """Whether the exchange is the one on this machine."""
        return self.exchange.startswith("local")

    @property
    def is_replay(self) -> bool:
        """Whether the candles are those that the local exchange replays:
        what is not among them was not traded.
        """
        return self.is_local and self.candles is None

    @property
    def candle_exchange(self) -> str:
        """Name in ccxt of the exchange whose candles are read."""
        return self.candles or ("binance" if self.is_local else self.exchange)

    def market(self, symbol: str) -> str:
        """Return the exchange's name of a symbol of the run."""
        return self.symbols.get(symbol, symbol)

    def plain(self) -> dict[str, Any]:
        """Return the settings as JSON takes them."""
        return asdict(self) | {
            "cash": None if self.cash is None else str(self.cash),
            "symbols": dict(self.symbols),
        }

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "PaperSettings":
        """Return what ``plain`` was made from."""
        cash = values["cash"]
        read = {**values, "cash": None if cash is None else Decimal(cash)}
        return cls(**read)


def symbols_of(pairs: Sequence[str], *, known: Sequence[str]) -> dict[str, str]:
    """Read ``RUN_SYMBOL=EXCHANGE_SYMBOL`` pairs; ``known`` are the symbols of the run.

    >>> symbols_of(["ETH/USD=ETH/USDT"], known=["ETH/USD", "BTC/USD"])
    {'ETH/USD': 'ETH/USDT'}

    Raises
    ------
    ConfigError
        If a pair is none, or names a symbol the run has not.
    """
    found = {}
    for pair in pairs:
        own, _, other = pair.partition("=")
        if not other or "/" not in other:
            raise ConfigError(
                f"--symbols {pair}: write it as ETH/USD=ETH/USDT, the run's symbol first."
            )
        if own not in known:
            raise ConfigError(f"--symbols {pair}: the run has no {own}.{did_you_mean(own, known)}")
        found[own] = other
    return found
