"""The exchange itself: clock, candles, account, orders, and what goes wrong in it; no word of HTTP or JSON."""

from decimal import Decimal
from threading import RLock

from cryptonn.local_exchange.account import Account
from cryptonn.local_exchange.clock import ReplayClock
from cryptonn.local_exchange.market import Bar, Market
from cryptonn.local_exchange.matching import Matching
from cryptonn.local_exchange.orders import FeeIn

__all__ = ["Exchange"]


class Exchange:
    """What a dialect sees of the exchange.

    Attributes
    ----------
    now_ms
        Time of the replay while a request is handled.
    taker, maker
        Commission rates, fractions of the notional.
    fee_in
        Currency of a buy's commission; a sell's is always quote.
    """

    clock: ReplayClock
    markets: dict[str, Market]
    account: Account
    matching: Matching
    lock: RLock
    now_ms: int
    taker: Decimal
    maker: Decimal
    fee_in: FeeIn

    @property
    def server_ms(self) -> int:
        """The time as the exchange's own clock shows it: ``now_ms`` and the quirk ``skew_ms``."""
        raise NotImplementedError

    def candles(self, symbol: str, *, start_ms: int | None, end_ms: int | None, limit: int) -> list[Bar]:
        """Return candles as clients see them, oldest first, with the quirks of the feed."""
        raise NotImplementedError

    def secret_of(self, key: str) -> str | None:
        """Return the secret of an API key, or None where it is unknown or revoked."""
        raise NotImplementedError
