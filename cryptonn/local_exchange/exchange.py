"""The exchange itself: clock, candles, account, orders, and what goes wrong in it;
no word of HTTP or JSON.
"""

from collections.abc import Mapping
from decimal import Decimal
from threading import RLock

from cryptonn.local_exchange.account import Account
from cryptonn.local_exchange.clock import ReplayClock
from cryptonn.local_exchange.feed import seen_bars
from cryptonn.local_exchange.fees import Fees, Rates
from cryptonn.local_exchange.market import Bar, Market
from cryptonn.local_exchange.matching import Matching
from cryptonn.local_exchange.orders import Refused
from cryptonn.local_exchange.quirks import Quirks

__all__ = ["KEYS", "Exchange"]

KEYS = {"local-key": "local-secret", "account-local-key": "local-secret"}
"""API keys of the local exchange and their secrets; gemini's begin with "account-"."""


class Exchange:
    """What a dialect sees of the exchange.

    Parameters
    ----------
    markets
        By symbol, such as "ETH/USD".
    rates
        What trading costs.
    balances
        What the account holds at first.

    Attributes
    ----------
    now_ms
        Time of the replay while a request is handled.
    lock
        Held while a request is handled: one at a time.
    """

    def __init__(
        self,
        markets: Mapping[str, Market],
        clock: ReplayClock,
        *,
        rates: Rates,
        balances: Mapping[str, Decimal],
    ) -> None:
        self.markets = dict(markets)
        self.clock = clock
        self.rates = rates
        currencies = {
            name for market in self.markets.values() for name in (market.base, market.quote)
        }
        self.account = Account(dict.fromkeys(sorted(currencies), Decimal(0)) | dict(balances))
        self.quirks = Quirks()
        self.matching = Matching(
            self.markets,
            self.account,
            Fees(rates, self.account),
            concession=rates.spread + rates.slippage,
            quirks=self.quirks,
        )
        self.lock = RLock()
        self.now_ms = clock.now_ms()

    @property
    def server_ms(self) -> int:
        """The time as the exchange's own clock shows it: ``now_ms`` and the quirk ``skew_ms``."""
        return self.now_ms + self.quirks.skew_ms

    @property
    def is_down(self) -> bool:
        """Tell whether nobody answers just now."""
        return self.now_ms < self.quirks.down_until_ms

    def settle(self, now_ms: int) -> None:
        """Let the time be ``now_ms`` and fill what fills by then."""
        self.now_ms = now_ms
        self.matching.settle(now_ms)

    def candles(
        self, symbol: str, *, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[Bar]:
        """Return candles as clients see them, oldest first, with the quirks of the feed.

        Raises ``Refused("unknown_symbol")``.
        """
        if symbol not in self.markets:
            raise Refused("unknown_symbol")
        market = self.markets[symbol]
        return seen_bars(
            market, self.quirks, now_ms=self.now_ms, start_ms=start_ms, end_ms=end_ms, limit=limit
        )

    def secret_of(self, key: str) -> str | None:
        """Return the secret of an API key, or None where it is unknown or revoked."""
        return None if self.quirks.revoked_key else KEYS.get(key)

    def reset_account(self, *, restart_ids: bool = False) -> None:
        """Wipe orders and trades and give the opening balances back,
        as a testnet does about monthly.
        """
        self.account.reset()
        self.matching.reset(restart_ids=restart_ids)

    def audit(self) -> list[str]:
        """Compare the balances with opening, outside and a fresh sum over all trades;
        return what does not agree.
        """
        held = {
            name: opening + self.account.external[name]
            for name, opening in self.account.opening.items()
        }
        for trade in (trade for trades in self.matching.trades.values() for trade in trades):
            market = self.markets[trade.symbol]
            sign = 1 if trade.side == "buy" else -1
            held[market.base] += sign * trade.amount
            held[market.quote] -= sign * trade.cost
            held[trade.fee_currency] -= trade.fee
        wrong = [
            f"{name}: {self.account.total(name)} held, {amount} by its trades"
            for name, amount in held.items()
            if amount != self.account.total(name)
        ]
        filled = (
            (order, sum(trade.amount for trade in order.trades))
            for order in self.matching.orders.values()
        )
        return wrong + [
            f"order {order.id}: {order.filled} filled, {sum_}"
            for order, sum_ in filled
            if sum_ != order.filled
        ]
